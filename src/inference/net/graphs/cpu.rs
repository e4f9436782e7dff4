//! Which processor this is, as far as it decides what a net is optimised to.

use std::collections::BTreeSet;

/// Of an x86 processor: the rest changes from core to core, or from one second to the next.
const KEPT_ON_X86: [&str; 6] = ["vendor_id", "cpu family", "model", "model name", "stepping", "flags"];
/// What is left out of any other processor's description, for the same reason.
const LEFT_OUT: [&str; 3] = ["processor", "BogoMIPS", "cpu MHz"];

/// The processors of this machine; none where the system does not describe them.
pub(super) fn here() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    described(&text).map(|text| format!("{}; {text}", std::env::consts::ARCH))
}

/// What `cpuinfo` says: each kind of processor once, since not all cores need be alike.
fn described(cpuinfo: &str) -> Option<String> {
    let is_x86 = cpuinfo.lines().any(|line| line.starts_with("vendor_id"))
        && cpuinfo.lines().any(|line| line.starts_with("flags"));
    let says = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().trim();
        if is_x86 { KEPT_ON_X86.contains(&name) } else { !LEFT_OUT.contains(&name) }
    };
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let kinds: BTreeSet<String> = cpuinfo
        .split("\n\n")
        .map(|one| one.lines().filter(says).map(words).collect::<Vec<_>>().join("; "))
        .filter(|kind| !kind.is_empty())
        .collect();
    (!kinds.is_empty()).then(|| Vec::from_iter(kinds).join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86: &str = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n\
                       stepping\t: 1\ncpu MHz\t\t: 2445.4\nflags\t\t: fpu avx avx2\n\n\
                       processor\t: 1\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n\
                       stepping\t: 1\ncpu MHz\t\t: 1200.0\nflags\t\t: fpu avx avx2\n\n";
    const ARM: &str = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU part\t: 0xd03\n\n\
                       processor\t: 1\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU part\t: 0xd09\n";

    #[test]
    fn cores_that_are_alike_are_one_and_their_speed_of_the_moment_says_nothing() {
        let text = described(X86).unwrap();
        assert_eq!(
            text,
            "vendor_id : AuthenticAMD; cpu family : 25; model : 1; stepping : 1; flags : fpu avx avx2"
        );
        assert_eq!(described(&X86.replace("1200.0", "3600.0")).unwrap(), text);
    }

    #[test]
    fn another_model_or_another_instruction_is_another_processor() {
        let text = described(X86);
        assert_ne!(described(&X86.replace("model\t\t: 1", "model\t\t: 17")), text);
        assert_ne!(described(&X86.replace("stepping\t: 1", "stepping\t: 2")), text);
        assert_ne!(described(&X86.replace("avx2", "avx2 avx512f")), text);
    }

    #[test]
    fn cores_that_differ_are_all_there() {
        let text = described(ARM).unwrap();
        assert_eq!(text, "Features : fp asimd; CPU part : 0xd03 | Features : fp asimd; CPU part : 0xd09");
        assert_eq!(described(""), None);
    }
}
