//! What a command line says of a source: where it is, how it is seen, and what it is called.

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command};

use crate::capture::SourceSpec;
use crate::capture::view::{Region, SourceName, Turn};
use crate::config::SourceFlags;

/// How the source is seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "The source's picture")]
pub struct ViewArgs {
    /// What the source is called on the screen, such as "front door"
    #[arg(long, value_name = "NAME")]
    pub source_name: Option<SourceName>,
    /// Look at this part of the picture alone, in shares of it, as it is seen: 0.25,0,0.5,1
    #[arg(long, value_name = "X,Y,WIDTH,HEIGHT")]
    pub region: Option<Region>,
    /// Turn the picture clockwise by 90, 180 or 270 degrees
    #[arg(long, value_name = "DEGREES")]
    pub rotate: Option<Turn>,
    /// Let left and right change places
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub mirror: Option<bool>,
    /// Of the sources in the configuration, only this one
    #[arg(long, value_name = "NAME", conflicts_with = "source")]
    pub only: Option<SourceName>,
    /// Take an https:// source whose certificate this machine does not trust
    #[arg(long)]
    pub insecure: bool,
}

impl ViewArgs {
    /// For the configuration.
    pub fn flags(&self) -> SourceFlags {
        SourceFlags {
            name: self.source_name.clone(),
            region: self.region,
            rotate: self.rotate,
            mirror: self.mirror,
            insecure: self.insecure,
            only: self.only.clone(),
        }
    }
}

/// Reads `--source`. clap repeats what it cannot read; this does not, as a password may be in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SourceParser;

impl TypedValueParser for SourceParser {
    type Value = SourceSpec;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<SourceSpec, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        text.parse::<SourceSpec>().map_err(|error| {
            let message = format!("--source: {error}\n");
            clap::Error::raw(clap::error::ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::args::Cli;

    #[test]
    fn a_source_that_cannot_be_read_is_not_repeated() {
        for text in ["rtsp://u:secret@cam:x/1", "rstp://u:secret@cam/1", "rtsp:u:secret@cam"] {
            let error = Cli::try_parse_from(["muster", "--source", text]).unwrap_err().to_string();
            assert!(error.contains("--source: ") && error.contains("expected"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn mirror_is_a_word_or_a_value() {
        let mirror = |words: &[&str]| {
            let words = [&["muster"][..], words].concat();
            Cli::try_parse_from(words).unwrap().screen.view.mirror
        };
        assert_eq!(
            [mirror(&[]), mirror(&["--mirror"]), mirror(&["--mirror=false"])],
            [None, Some(true), Some(false)]
        );
    }
}
