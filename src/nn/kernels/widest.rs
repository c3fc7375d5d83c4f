//! The widest vector instructions that the processor has, found at run time.
//!
//! `pulp` compiles each operation for every level (AVX-512, AVX2 with FMA, NEON, plain) and jumps to the best: the
//! program stays one portable binary, and no `unsafe` stands here. `wide` fixes the width when it is compiled;
//! `multiversion` leaves tiles of registers and reductions to the compiler, which declines both.

use pulp::{Arch, WithSimd};
use std::sync::OnceLock;

/// Runs `op` with the widest instructions. A closure counts as an operation: its loops are compiled for each level.
#[inline]
pub fn widest<Op: WithSimd>(op: Op) -> Op::Output {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    ARCH.get_or_init(Arch::new).dispatch(op)
}
