//! `muster cameras`: the cameras of this machine, what each offers, and what muster would make of it.

use clap::Args;

use crate::capture::camera::{
    self, CameraControl, CameraFormat, CameraReport, CameraState, LEAST_FPS, System,
};
use crate::capture::{CameraOptions, ControlSettings, SourceSpec};
use crate::config::Effective;

use super::exit::{CliError, Exit};
use super::output::{Output, columns, printable};
use super::source::SourceParser;

/// What `cameras --help` ends with.
pub const CAMERAS_HELP: &str = "\
Lists the devices that give pictures, with the sizes and rates of each encoding, the mode that muster would
choose for [source] distance_m, and who uses a camera that is busy. With a SOURCE it shows that one and its
controls, which [source.controls] of the configuration can set.

Examples:
  muster cameras
  muster cameras camera:0
  muster cameras camera:/dev/v4l/by-id/usb-046d_0825_A1B2-video-index0 --json

Exit status: 0, or 3 where there is no camera.";

/// `cameras`
#[derive(Debug, Clone, Default, Args)]
pub struct CamerasArgs {
    /// This one, with its controls: camera:N or camera:/dev/...
    #[arg(value_name = "SOURCE", value_parser = SourceParser)]
    pub source: Option<SourceSpec>,
}

/// Lists the cameras of `system`, or shows one.
///
/// # Errors
/// [`CliError`] where there is no camera, or none by that name.
pub fn run(
    effective: &Effective,
    system: &System,
    args: &CamerasArgs,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // Whether the configuration's controls suit its camera is for `doctor` to say.
    let options = CameraOptions {
        controls: ControlSettings::default(),
        ..effective.source().settings.camera_options()
    };
    match &args.source {
        None => list(&camera::survey(system, &options), &options, out),
        Some(SourceSpec::Camera(address)) => {
            let report = camera::examine(system, address, &options).map_err(CliError::missing)?;
            show(&report, &options, out)?;
            Ok(Exit::Done)
        }
        Some(other) => Err(CliError::usage(format_args!(
            "{other} is no camera of this machine: expected camera:N or camera:/dev/..."
        ))),
    }
}

fn list(reports: &[CameraReport], options: &CameraOptions, out: &mut Output<'_>) -> Result<Exit, CliError> {
    if reports.is_empty() {
        return Err(CliError::missing(
            "there is no camera: plug one in (the kernel makes /dev/video0 of it), or use a network stream, \
             `--source rtsp://...`",
        ));
    }
    for (number, report) in reports.iter().enumerate() {
        if out.json {
            out.object(report)?;
            continue;
        }
        if number > 0 {
            out.line("")?;
        }
        out.line(description(report, options))?;
    }
    Ok(Exit::Done)
}

fn show(report: &CameraReport, options: &CameraOptions, out: &mut Output<'_>) -> Result<(), CliError> {
    if out.json {
        return Ok(out.object(report)?);
    }
    out.line(description(report, options))?;
    if !report.controls.is_empty() {
        out.line(format_args!("\n{}", controls(&report.controls)))?;
    }
    Ok(())
}

/// Name, paths, state, formats and the mode chosen: some lines.
fn description(report: &CameraReport, options: &CameraOptions) -> String {
    let mut lines = vec![format!("{}  {}", report.source, printable(&report.name)).trim_end().to_owned()];
    let mut field = |name: &str, text: &str| lines.push(format!("  {name:<8}  {}", printable(text)));
    if let Some(path) = &report.stable_path {
        field("stable", &format!("camera:{path}"));
    }
    if !report.driver.is_empty() {
        field("driver", &format!("{}, {}", report.driver, report.bus));
    }
    match &report.state {
        CameraState::Free if !report.holders.is_empty() => {
            let who: Vec<String> = report.holders.iter().map(ToString::to_string).collect();
            field("state", &format!("free; {} has it open without taking pictures", who.join(", ")));
        }
        CameraState::Free => field("state", "free"),
        CameraState::Busy(detail) | CameraState::Denied(detail) | CameraState::Failed(detail) => {
            field("state", detail);
        }
    }
    for format in &report.formats {
        field(&format.encoding, &size_and_rates(format));
    }
    match &report.mode {
        Some(mode) => {
            let enough = options.wanted.width();
            let short = if (mode.width as f32) < enough {
                format!(
                    "; {enough:.0} columns would be needed for faces {} m away",
                    options.wanted.distance_m
                )
            } else {
                format!(", for faces up to {} m away", options.wanted.distance_m)
            };
            let slow = if mode.fps < LEAST_FPS { "; slow: people who walk may be lost" } else { "" };
            field("chosen", &format!("{mode}{short}{slow}"));
        }
        None if report.driver.is_empty() => {}
        None => field("chosen", "none: it offers no picture in YUYV or MJPG at a whole rate"),
    }
    lines.join("\n")
}

fn size_and_rates(format: &CameraFormat) -> String {
    let rates: Vec<String> = format.fps.iter().map(|fps| rate(*fps)).collect();
    let rates = if rates.is_empty() { "rates not told".to_owned() } else { rates.join(", ") };
    format!("{:<9}  {rates}", format!("{}x{}", format.width, format.height))
}

/// At most two places, and none where they are zeros.
fn rate(fps: f64) -> String {
    let text = format!("{fps:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn controls(controls: &[CameraControl]) -> String {
    let rows: Vec<Vec<String>> = controls
        .iter()
        .map(|control| {
            let remark = match (control.read_only, control.inactive) {
                (true, _) => "read only",
                (_, true) => "governed by another control now",
                _ => "",
            };
            vec![
                control.name.clone(),
                control.value.map_or_else(|| "-".to_owned(), |value| control.shown(value)),
                control.shown(control.default),
                control.range(),
                remark.to_owned(),
            ]
        })
        .map(|row| row.iter().map(|cell| printable(cell).into_owned()).collect())
        .collect();
    columns(&["control", "is", "default", "can be", ""], &rows)
}

#[cfg(test)]
mod tests;
