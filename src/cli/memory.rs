//! What of this process's memory others could come to see.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Sees to it that no core dump is written, in which keys and embeddings would lie, and that no other process
/// of the same user can read this one's memory. What the kernel refuses stays as it is: it is a second line.
pub fn keep_to_itself() {
    // One byte, because a limit of 0 does not stop a dump into a program (core(5)), and 1 does; and no file
    // is written that could not hold a page.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn no_core_is_dumped() {
        keep_to_itself();
        assert_eq!(getrlimit(Resource::Core).current, Some(1));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
