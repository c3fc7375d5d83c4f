//! The widest vector instructions that the processor has, found at run time.
//!
//! `pulp` compiles each operation for every level (AVX-512, AVX2 with FMA, NEON, plain) and jumps to the best: the
//! program stays one portable binary, and no `unsafe` stands here. `wide` fixes the width when it is compiled;
//! `multiversion` leaves tiles of registers and reductions to the compiler, which declines both.

use pulp::{Arch, Simd, WithSimd};
use std::sync::OnceLock;

/// Runs `op` with the widest instructions.
#[inline]
pub fn widest<Op: WithSimd>(op: Op) -> Op::Output {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    ARCH.get_or_init(Arch::new).dispatch(op)
}

/// A loop with a name, so that its body can be `#[inline(always)]`: of a long closure, or of a function passed by its
/// name, only the call would be compiled for each level.
pub trait Loop<A> {
    /// Runs over `arg`. `f32::mul_add` is one instruction here (and a slow call of the C library where the processor has
    /// none).
    fn run(self, arg: A);
}

struct Call<L, A>(L, A);

impl<A, L: Loop<A>> WithSimd for Call<L, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.run(self.1);
    }
}

/// Runs `body` with the widest instructions.
#[inline]
pub fn widest_of<A>(body: impl Loop<A>, arg: A) {
    widest(Call(body, arg));
}

/// `wide!(Name, function(Type))` gives the name of a [`Loop`] to an `#[inline(always)]` function of one argument.
#[macro_export]
macro_rules! wide {
    ($name:ident, $body:ident($arg:ty)) => {
        #[derive(Debug, Clone, Copy)]
        #[doc = concat!("`", stringify!($body), "` as a loop in the widest instructions.")]
        pub struct $name;

        impl $crate::kernels::widest::Loop<$arg> for $name {
            #[inline(always)]
            fn run(self, arg: $arg) {
                $body(arg);
            }
        }
    };
}
pub use crate::wide;
