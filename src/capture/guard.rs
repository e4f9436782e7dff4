//! A fence around third-party decoders: hostile bytes must not take a thread with them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread is inside [`guarded`], where a panic is caught and becomes an error. A panic
/// hook asks this to stay quiet, and to leave the terminal as it is.
pub fn is_guarded() -> bool {
    DEPTH.with(|depth| depth.get() > 0)
}

/// What `work` gives, or `None` where it panicked.
///
/// Only for decoders of formats that strangers write: they index by numbers out of the file, and
/// a slip there is a panic. Everything that `work` made is dropped with it, so no half-made state is
/// seen afterwards; that is why unwinding past it is safe to assert.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEPTH.with(|depth| depth.set(depth.get() - 1));
        }
    }
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let _leave = Leave;
    catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_is_none_and_the_fence_is_left() {
        assert!(!is_guarded());
        assert_eq!(guarded(|| is_guarded().then_some(7)), Some(Some(7)));
        assert_eq!(guarded(|| -> u8 { std::panic::resume_unwind(Box::new("stop")) }), None);
        assert!(!is_guarded());
    }
}
