//! `muster roster erase`: takes somebody out of everything.

use clap::Args;
use serde::Serialize;

use crate::attendance::{Person, Roster, Who};
use crate::engine::command::ErasureCertificate;
use crate::engine::{Command, EngineHandle, Reply};
use crate::store::{BackupOnRecord, KeptRecords};

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::roster::{Ask, unexpected};
use super::store::backup_words;
use super::{approvals, people};

/// What `roster erase --help` ends with.
pub const ERASE_HELP: &str = "\
Name, identifier, templates, crops, items of the inbox and notes go, the evidence of every decision
that names the person, and the records of their attendance unless --keep-records says otherwise; the
key that copies of them in old pages of the store would need is destroyed. The ledger says that it was
done, and verifies. Somebody whose enrolment ended earlier can be erased by name or id too.

It cannot reach: files that were exported, backups (restoring one erases again whom the ledger of the
present store says was erased), and what a copy-on-write file system or an SSD keeps of overwritten
blocks; see docs/privacy.md.

Example:
  muster roster erase 4711 > certificate.txt";

/// `roster erase`
#[derive(Debug, Clone, Args)]
pub struct EraseArgs {
    /// Whom: identifier, exact name, or the beginning of an id
    pub who: String,
    /// Keep when they were present, under an id that nothing names any more
    #[arg(long)]
    pub keep_records: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

#[derive(Serialize)]
struct CertificateObject<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
    sequence: u64,
    at: String,
    keeps_records: bool,
    templates: u32,
    crops: u32,
    strangers: u32,
    parts: u64,
    backups: Vec<BackupObject>,
    found_again: bool,
    old_key_stays: Option<&'a str>,
}

#[derive(Serialize)]
struct BackupObject {
    at: String,
    sha256: String,
    bytes: u64,
    end: u64,
}

/// Erases whoever `args` names; `ask` is asked before anything is lost.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, nobody to ask, or what the engine refuses.
pub fn run(
    handle: &EngineHandle,
    args: &EraseArgs,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    let person = find(handle, &args.who)?;
    sure(&person, args.keep_records, args.yes, ask)?;
    let keeps = if args.keep_records { KeptRecords::Pseudonymous } else { KeptRecords::None };
    certified(approvals::call(handle, Command::Erase { person: person.id, keeps }, out)?, out)
}

/// Asks whether `person` is to be erased, unless that was said already.
///
/// # Errors
/// [`CliError`] where they are not, or nobody can be asked.
pub(super) fn sure(person: &Person, keep_records: bool, yes: bool, ask: Ask<'_>) -> Result<(), CliError> {
    if !yes {
        let records = if keep_records {
            "when they were present stays, under an id without a name"
        } else {
            "with every record of their attendance"
        };
        let question =
            format!("Erase {} from everything, {records}? Nothing brings them back.", described(person));
        match ask(&question) {
            Some(true) => {}
            Some(false) => return Err(CliError::negative("nobody was erased")),
            None => {
                return Err(CliError::usage(
                    "there is no terminal to ask on: say --yes to erase without being asked",
                ));
            }
        }
    }
    Ok(())
}

/// Prints the certificate.
///
/// # Errors
/// [`CliError`] where it is none, or says that something of the person is still there.
pub(super) fn certified(reply: Reply, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let certificate = match reply {
        Reply::Erased(certificate) => certificate,
        other => return Err(unexpected(&other)),
    };
    out.either(&object(&certificate), text(&certificate))?;
    if certificate.found_again {
        return Err(CliError::missing(
            "the gallery still finds the person: start muster again, and report this",
        ));
    }
    Ok(Exit::Done)
}

/// Whom `who` names; also somebody whose enrolment has ended.
///
/// # Errors
/// [`CliError`] where it is nobody or several people.
pub(super) fn find(handle: &EngineHandle, who: &str) -> Result<Person, CliError> {
    let everybody = match handle.call(Command::People)? {
        Reply::People(people) => people,
        other => return Err(unexpected(&other)),
    };
    let mut roster = Roster::default();
    for person in &everybody {
        // Who is looked up is active; one whose enrolment has ended is meant as well here.
        roster.put(Person { removed_at: None, ..person.clone() });
    }
    let shown = printable(who);
    match roster.who(who) {
        Who::One(found) => {
            let person = everybody.iter().find(|person| person.id == found.id);
            person.cloned().ok_or_else(|| CliError::negative(format_args!("there is no `{shown}`")))
        }
        Who::Nobody => Err(CliError::negative(format_args!(
            "nobody is called `{shown}` or has that identifier or id, neither on the roster nor among those whose \
             enrolment has ended"
        ))),
        Who::Several(people) => {
            let list: Vec<String> = people
                .iter()
                .filter_map(|found| everybody.iter().find(|person| person.id == found.id))
                .map(|person| format!("  {}", described(person)))
                .collect();
            Err(CliError::negative(format_args!(
                "`{shown}` could be any of {}; name one of them by identifier or id:\n{}",
                list.len(),
                list.join("\n")
            )))
        }
    }
}

fn described(person: &Person) -> String {
    let identifier = person.identifier.as_ref();
    let identifier = identifier.map(|identifier| format!("identifier {identifier}, ")).unwrap_or_default();
    let ended = if person.is_active() { "" } else { ", enrolment ended" };
    format!("{} ({identifier}id {}{ended})", person.name, person.id)
}

fn object(certificate: &ErasureCertificate) -> CertificateObject<'_> {
    CertificateObject {
        kind: "erased",
        person: certificate.person.name.as_str(),
        id: certificate.person.id.to_string(),
        identifier: certificate.person.identifier.as_ref().map(|identifier| identifier.as_str()),
        sequence: certificate.sequence.0,
        at: certificate.at.to_rfc3339(),
        keeps_records: certificate.keeps == KeptRecords::Pseudonymous,
        templates: certificate.templates,
        crops: certificate.crops,
        strangers: certificate.strangers,
        parts: certificate.parts,
        backups: certificate.backups.iter().map(backup).collect(),
        found_again: certificate.found_again,
        old_key_stays: certificate.old_key_stays.as_deref(),
    }
}

fn backup(backup: &BackupOnRecord) -> BackupObject {
    BackupObject {
        at: backup.at.to_rfc3339(),
        sha256: backup.digest.to_string(),
        bytes: backup.bytes,
        end: backup.end.sequence.0,
    }
}

fn text(certificate: &ErasureCertificate) -> String {
    let records = match certificate.keeps {
        KeptRecords::None => "gone with everything else",
        KeptRecords::Pseudonymous => "kept under an id without a name",
    };
    let search = if certificate.found_again { "STILL FINDS THEM" } else { "finds nothing" };
    let key = match &certificate.old_key_stays {
        None => "destroyed".to_owned(),
        Some(why) => format!("NOT DESTROYED YET ({}); the next start tries again", printable(why)),
    };
    let backups = match certificate.backups.as_slice() {
        [] => "no backup on record".to_owned(),
        several => {
            let list: Vec<String> =
                several.iter().map(|one| format!("\n             {}", backup_words(one))).collect();
            format!("these backups:{}", list.concat())
        }
    };
    format!(
        "Certificate of erasure\n\
         person       {}\n\
         at           {}\n\
         ledger       entry {}\n\
         templates    {}\n\
         crops        {}\n\
         inbox        {} items\n\
         ledger parts {}\n\
         records      {records}\n\
         gallery      a search with their own templates {search}\n\
         old key      {key}\n\
         may hold it  files that were exported and {backups}",
        described(&certificate.person),
        certificate.at.to_rfc3339(),
        certificate.sequence,
        certificate.templates,
        certificate.crops,
        certificate.strangers,
        certificate.parts,
    )
}
