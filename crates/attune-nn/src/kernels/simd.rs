//! Runs kernels with the widest vector instructions of the processor, chosen at run time.
//!
//! In: an operation. Out: its result. Thread: any.
//!
//! `pulp` compiles each operation for every instruction set (AVX-512, AVX2 with FMA, NEON, scalar) and dispatches to
//! the best one: the program stays one portable binary, without `unsafe` here. The crate `wide` fixes the width at
//! compile time, and `multiversion` leaves register tiles and reductions to the compiler, which vectorises neither.

use pulp::{Arch, Simd, WithSimd};
use std::sync::OnceLock;

/// Runs `op` with the widest instructions.
#[inline]
pub fn dispatch_simd<Op: WithSimd>(op: Op) -> Op::Output {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    ARCH.get_or_init(Arch::new).dispatch(op)
}

/// A loop as a type, so that its body can be `#[inline(always)]`: of a long closure, or of a function passed by name,
/// only the call would be compiled for each instruction set. [`simd_loop!`] makes one from a function.
pub trait SimdLoop<A> {
    /// Runs over `arg`. `f32::mul_add` is one instruction here (and a slow call of the C library where the processor
    /// has none).
    fn run(self, arg: A);
}

struct Call<L, A>(L, A);

impl<A, L: SimdLoop<A>> WithSimd for Call<L, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.run(self.1);
    }
}

/// Runs the loop `body` over `arg` with the widest instructions.
#[inline]
pub fn dispatch_loop<A>(body: impl SimdLoop<A>, arg: A) {
    dispatch_simd(Call(body, arg));
}

/// `simd_loop!(Name, function(Type))` makes the [`SimdLoop`] `Name` from an `#[inline(always)]` function of one
/// argument.
#[macro_export]
macro_rules! simd_loop {
    ($name:ident, $body:ident($arg:ty)) => {
        #[derive(Debug, Clone, Copy)]
        #[doc = concat!("`", stringify!($body), "` as a SIMD loop.")]
        struct $name;

        impl $crate::kernels::simd::SimdLoop<$arg> for $name {
            #[inline(always)]
            fn run(self, arg: $arg) {
                $body(arg);
            }
        }
    };
}
pub use crate::simd_loop;
