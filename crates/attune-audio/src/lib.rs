//! Sound: units, the ring, sources, decoding, capture, playback, and the front end.

pub mod capture;
pub mod decode;
pub mod features;
pub mod playback;
pub mod ring;
pub mod source;
pub mod units;
