//! The scripts that compare muster with its peers have tests of their own, in Python.

use std::process::Command;

#[test]
fn the_scripts_that_compare_muster_with_its_peers_pass_their_tests() {
    let root = env!("CARGO_MANIFEST_DIR");
    let tests = ["-m", "unittest", "discover", "benches/tests"];
    // Nothing is written beside the sources.
    let run =
        Command::new("python3").args(tests).current_dir(root).env("PYTHONDONTWRITEBYTECODE", "1").output();
    let output = match run {
        Ok(output) => output,
        Err(error) => {
            println!("SKIPPED: python3 cannot be run: {error}");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("\nOK"), "{said}");
}
