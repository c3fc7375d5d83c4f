//! Keeps denormals out: by the processor's mode while a model runs, and by hand in every recurrence.
//!
//! In, Out: single values; or the mode of the calling thread. Thread: any; the mode belongs to one.
//!
//! A decaying mean and a gradient through a recurrence shrink by a factor with every frame. Below 1.2e-38 an `f32` is
//! denormal: it loses precision, many processors slow down on it, and rounding can hold it there for ever. After
//! fifteen minutes of silence a frame took nearly twice as long (`cargo bench -- died_away` watches it), and the RNN of
//! `attune lab memory` trained at an eighth of its speed.
//!
//! Who gets the mode: whoever pushes frames into a model's stream, for the length of that push. Live sound, files,
//! evaluation and explanations all pass there, so all of them compute in the same mode and agree to the last bit, whatever
//! thread they run on. Nobody else gets it:
//! - The front end does not need it: levels below its floor of −100 dB are equal, and denormals lie 280 dB lower.
//! - Training does not: its work is spread over a pool, which would have to change as a whole, and weights and Adam's
//!   moments of a run that is resumed must be those of one that was not. There, [`flush`] alone keeps gradients normal.
//! - The audio callback only converts and adds up; nothing in it decays.
//!
//! [`flush`] stays in the recurrences where the mode is set, too. What decays reaches zero at 1e-30 with or without it, so
//! a processor without the mode gives the same bits, only more slowly where single products vanish.

/// Negligible beside every number that matters here (Adam divides by at least 1e-8, deviations have a least variance),
/// yet large enough that its products with weights and activations stay normal numbers.
const NEGLIGIBLE: f32 = 1e-30;

/// `x`, or zero where |x| < 1e-30. NaN stays NaN.
///
/// ```
/// use attune_nn::kernels::denormals::flush;
/// assert_eq!([flush(1e-29), flush(-1e-31)], [1e-29, 0.0]);
/// assert!(flush(f32::NAN).is_nan());
/// ```
#[inline(always)]
pub fn flush(x: f32) -> f32 {
    if x.abs() < NEGLIGIBLE { 0.0 } else { x }
}

/// While this lives, the processor takes denormals for zero on this thread: those it reads (denormals-are-zero) and those
/// it would write (flush-to-zero). Nothing on processors other than x86-64 and AArch64.
///
/// A thread that is started meanwhile inherits the mode (on Linux) and keeps it: start none. A stream's step starts none and
/// uses no pool.
///
/// ```
/// use attune_nn::kernels::denormals::FlushMode;
/// use std::hint::black_box;
/// let halved = || black_box(black_box(f32::MIN_POSITIVE) * 0.5);
/// assert!(halved() > 0.0);
/// let mode = FlushMode::set();
/// # #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
/// assert_eq!(halved(), 0.0);
/// drop(mode);
/// assert!(halved() > 0.0);
/// ```
#[derive(Debug)]
#[must_use = "the mode ends when this is dropped"]
pub struct FlushMode {
    before: control::Word,
    /// The mode is a thread's: its guard must not move to another.
    not_send: std::marker::PhantomData<*const ()>,
}

impl FlushMode {
    /// Sets the mode.
    pub fn set() -> Self {
        let before = control::read();
        control::write(control::flushing(before));
        Self {
            before,
            not_send: std::marker::PhantomData,
        }
    }
}

impl Drop for FlushMode {
    fn drop(&mut self) {
        control::write(self.before);
    }
}

/// The control word of the processor's arithmetic.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "only an instruction reads or sets the control word")]
mod control {
    use std::arch::asm;

    /// MXCSR.
    pub(super) type Word = u32;
    /// Flush-to-zero (bit 15) and denormals-are-zero (bit 6), which every x86-64 processor has.
    const FLUSH: Word = 1 << 15 | 1 << 6;

    pub(super) fn flushing(word: Word) -> Word {
        word | FLUSH
    }

    pub(super) fn read() -> Word {
        let mut word: Word = 0;
        // SAFETY: stores four bytes to a local.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
        word
    }

    pub(super) fn write(word: Word) {
        // SAFETY: loads a word that was read here, with no bit changed but the two of FLUSH: exceptions stay masked and
        // rounding stays to nearest. The compiler knows nothing of the mode and may move arithmetic across this
        // instruction. That changes a result only where it is denormal, and there zero is as good (see the module).
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags)) };
    }
}

/// The control word of the processor's arithmetic.
#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code, reason = "only an instruction reads or sets the control word")]
mod control {
    use std::arch::asm;

    /// FPCR.
    pub(super) type Word = u64;
    /// FZ (bit 24): denormals are zero, read or written.
    const FLUSH: Word = 1 << 24;

    pub(super) fn flushing(word: Word) -> Word {
        word | FLUSH
    }

    pub(super) fn read() -> Word {
        let word: Word;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
        word
    }

    pub(super) fn write(word: Word) {
        // SAFETY: writes a word that was read here, with no bit changed but FZ; as on x86-64.
        unsafe { asm!("msr fpcr, {}", in(reg) word, options(nostack, preserves_flags)) };
    }
}

/// No mode to set.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod control {
    pub(super) type Word = ();

    pub(super) fn flushing((): Word) -> Word {}

    pub(super) fn read() -> Word {}

    pub(super) fn write((): Word) {}
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::FlushMode;
    use std::hint::black_box;

    /// `f32::MIN_POSITIVE` halved by the processor, not by the compiler.
    fn halved() -> f32 {
        black_box(black_box(f32::MIN_POSITIVE) * black_box(0.5))
    }

    #[test]
    fn the_mode_ends_with_its_guard_also_when_guards_nest_or_work_panics() {
        assert!(halved() > 0.0);
        {
            let _outer = FlushMode::set();
            drop(FlushMode::set());
            assert_eq!(halved().to_bits(), 0, "the inner guard restored the outer one's mode");
        }
        assert!(halved() > 0.0);
        let panicked = std::panic::catch_unwind(|| {
            let _mode = FlushMode::set();
            panic!("{}", halved());
        });
        assert!(panicked.is_err() && halved() > 0.0);
    }

    #[test]
    fn other_threads_and_normal_numbers_are_as_before() {
        let sum = |terms: &[f32]| terms.iter().copied().map(black_box).sum::<f32>();
        let terms: Vec<f32> = (1..1000).map(|n| 1.0 / n as f32).collect();
        let expected = sum(&terms);
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let elsewhere = std::thread::spawn(move || {
            // Until the mode is set.
            assert!(gone.recv().is_err());
            halved().to_bits()
        });
        let _mode = FlushMode::set();
        drop(go);
        assert_eq!(sum(&terms).to_bits(), expected.to_bits());
        assert!(elsewhere.join().is_ok_and(|bits| bits != 0));
    }
}
