//! Denormal numbers taken for zero while a net runs.
//!
//! Many values inside nets end up below the smallest normal number, and some processors take a
//! hundred times as long for those: on an Intel Xeon the default pack's embedding took 86 ms with
//! them and 8.9 ms without, with the same output to the last digit shown. ONNX Runtime's own setting
//! (`session.set_denormal_as_zero`) reaches the threads of its pools and, of all others, only the one
//! that made the process's first session; nets here run on the thread that calls them, whichever
//! made them.

/// Runs `work` with denormal inputs and results taken for zero on this thread, and puts the
/// processor's state back after it, also when `work` unwinds.
pub(super) fn flushed<R>(work: impl FnOnce() -> R) -> R {
    let _restored = Restored(control::read());
    control::write(control::flushing(control::read()));
    work()
}

/// Puts the control register back when it is dropped.
struct Restored(control::Word);

impl Drop for Restored {
    fn drop(&mut self) {
        control::write(self.0);
    }
}

#[cfg(target_arch = "x86_64")]
mod control {
    use std::arch::asm;

    pub(super) type Word = u32;

    /// MXCSR bits 15 (flush to zero) and 6 (denormals are zero): Intel SDM volume 1, 10.2.3.
    pub(super) fn flushing(word: Word) -> Word {
        word | 1 << 15 | 1 << 6
    }

    pub(super) fn read() -> Word {
        let mut word: Word = 0;
        // SAFETY: stores the register into a word of our own; every x86_64 has it. There is no
        // safe interface to it.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
        word
    }

    pub(super) fn write(word: Word) {
        // SAFETY: `word` was read from the register, with at most the two bits above set: no exception is
        // unmasked and rounding stays as it was. What runs until it is put back is the runtime's C++,
        // which has the same setting of its own, and code that hands tensors over without arithmetic.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags, readonly)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod control {
    use std::arch::asm;

    pub(super) type Word = u64;

    /// FPCR bit 24 (FZ): Arm Architecture Reference Manual, FPCR.
    pub(super) fn flushing(word: Word) -> Word {
        word | 1 << 24
    }

    pub(super) fn read() -> Word {
        let word: Word;
        // SAFETY: reads a register that every thread may read. There is no safe interface to it.
        unsafe { asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
        word
    }

    pub(super) fn write(word: Word) {
        // SAFETY: `word` was read from the register, with at most the bit above set. What runs until it
        // is put back is the runtime's C++, which has the same setting of its own, and code that
        // hands tensors over without arithmetic.
        unsafe { asm!("msr fpcr, {}", in(reg) word, options(nomem, nostack, preserves_flags)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod control {
    pub(super) type Word = ();

    pub(super) fn flushing((): Word) -> Word {}

    pub(super) fn read() -> Word {}

    pub(super) fn write((): Word) {}
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn half_of_the_smallest_normal_number() -> f32 {
        black_box(f32::MIN_POSITIVE) * black_box(0.5)
    }

    #[test]
    fn denormals_are_zero_inside_and_themselves_outside() {
        assert!(half_of_the_smallest_normal_number() > 0.0);
        assert_eq!(flushed(half_of_the_smallest_normal_number), 0.0);
        assert!(half_of_the_smallest_normal_number() > 0.0);
    }

    #[test]
    fn the_state_is_put_back_when_the_work_unwinds() {
        let unwound = std::panic::catch_unwind(|| flushed(|| std::panic::resume_unwind(Box::new(()))));
        assert!(unwound.is_err());
        assert!(half_of_the_smallest_normal_number() > 0.0);
    }
}
