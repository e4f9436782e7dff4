//! The program: parse, run, exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Only the panic report is of use here: errors end with a message and a status of their own.
    // It can be set once alone, which this is; `main` below puts its own in front.
    let _ = color_eyre::install();
    muster::cli::main()
}
