//! Rooms made by a generator: early reflections from a box's walls, then a tail of noise that dies away.

use super::level::{mean_power, set_power};
use super::noise::white;
use super::{between, convolved};
use attune_audio::units::{SampleRate, Seconds};
use rand_chacha::ChaCha8Rng;

/// Metres in a second.
const SPEED_OF_SOUND: f64 = 343.0;

/// A box with a loudspeaker and a microphone in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Length, width and height in metres.
    pub size_m: [f64; 3],
    /// Where the loudspeaker stands.
    pub source_m: [f64; 3],
    /// Where the microphone stands.
    pub microphone_m: [f64; 3],
    /// Time in which the sound in it falls by 60 dB.
    pub rt60: Seconds,
}

impl Room {
    /// A living room, kitchen, office or bar.
    pub fn random(rng: &mut ChaCha8Rng) -> Self {
        let size_m = [between(2.5, 9.0, rng), between(2.5, 6.0, rng), between(2.2, 3.5, rng)];
        // Not nearer than 30 cm to a wall.
        let mut place = || size_m.map(|length| between(0.3, length - 0.3, rng));
        let (source_m, microphone_m) = (place(), place());
        Self {
            size_m,
            source_m,
            microphone_m,
            rt60: Seconds(super::between_ratios(0.15, 0.9, rng)),
        }
    }

    fn volume_m3(&self) -> f64 {
        self.size_m.iter().product()
    }

    fn surface_m2(&self) -> f64 {
        let [x, y, z] = self.size_m;
        2.0 * (x * y + y * z + z * x)
    }

    /// Share of the power that a wall absorbs, by Sabine's formula (1900): RT60 = 0.161 V / (S α).
    fn absorption(&self) -> f64 {
        (0.161 * self.volume_m3() / (self.surface_m2() * self.rt60.0)).clamp(0.02, 0.98)
    }

    /// Distance from loudspeaker to microphone; no nearer than 20 cm.
    fn distance_m(&self) -> f64 {
        distance(self.source_m, self.microphone_m).max(0.2)
    }

    /// The room's answer to an impulse, from the direct sound (of height 1) on, for one `rt60`.
    ///
    /// The first reflection from each wall is an image of the source (Allen & Berkley 1979). The tail is noise that
    /// falls by 60 dB in each `rt60`; its energy against the direct sound is that of a diffuse field,
    /// 16π d² (1 − α) / (S α).
    pub fn response(&self, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let count = (self.rt60.0 * rate.hz()).ceil().max(1.0) as usize;
        let mut response = self.tail(count, rate, rng);
        let direct = self.distance_m();
        let reflected = (1.0 - self.absorption()).sqrt();
        let images = (0..3).flat_map(|axis| [0.0, self.size_m[axis]].map(|wall| (axis, wall)));
        for (axis, wall) in images {
            let mut image = self.source_m;
            image[axis] = 2.0 * wall - image[axis];
            let way = distance(image, self.microphone_m);
            let delay = ((way - direct).max(0.0) / SPEED_OF_SOUND * rate.hz()).round() as usize;
            if let Some(sample) = response.get_mut(delay) {
                *sample += (reflected * direct / way) as f32;
            }
        }
        response[0] += 1.0;
        response
    }

    fn tail(&self, count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let absorbed = self.absorption();
        let energy =
            16.0 * std::f64::consts::PI * self.distance_m().powi(2) * (1.0 - absorbed) / (self.surface_m2() * absorbed);
        // Power falls as 10^(−6 t / RT60).
        let fall = (-6.0 * std::f64::consts::LN_10 / (self.rt60.0 * rate.hz())).exp();
        let first = (energy * (1.0 - fall)).sqrt();
        // The field is diffuse after about √V milliseconds (Polack 1993); the images stand for what comes before.
        let diffuse = (self.volume_m3().sqrt() * 1e-3 * rate.hz()) as usize;
        let mut tail = white(count, rng);
        let mut level = first;
        for (n, sample) in tail.iter_mut().enumerate() {
            *sample *= if n < diffuse { 0.3 * level as f32 } else { level as f32 };
            level *= fall.sqrt();
        }
        tail
    }

    /// The sound as the microphone in this room records it, with its mean power unchanged.
    pub fn applied(&self, samples: &[f32], rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut out = convolved(samples, &self.response(rate, rng));
        set_power(&mut out, mean_power(samples));
        out
    }
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::testing::RATE;
    use super::*;
    use rand::SeedableRng;

    const ROOM: Room = Room {
        size_m: [5.0, 4.0, 2.5],
        source_m: [1.0, 1.0, 1.0],
        microphone_m: [4.0, 3.0, 1.0],
        rt60: Seconds(0.5),
    };

    #[test]
    fn the_reverberation_time_measured_is_the_one_asked_for() {
        let response = ROOM.response(RATE, &mut ChaCha8Rng::seed_from_u64(1));
        // Energy still to come (Schroeder 1965), from −5 to −35 dB, times two: T30.
        let mut left: f64 = response.iter().map(|&x| f64::from(x).powi(2)).sum();
        let (total, mut at_5, mut at_35) = (left, None, None);
        for (n, &x) in response.iter().enumerate() {
            let level = 10.0 * (left / total).log10();
            let seconds = n as f64 / RATE.hz();
            if level <= -5.0 {
                at_5.get_or_insert(seconds);
            }
            if level <= -35.0 {
                at_35.get_or_insert(seconds);
            }
            left -= f64::from(x).powi(2);
        }
        let t30 = 2.0 * (at_35.unwrap() - at_5.unwrap());
        assert!((t30 - 0.5).abs() < 0.05, "{t30}");
    }

    #[test]
    fn the_first_reflections_come_when_and_as_strong_as_geometry_says() {
        // From the floor: 1 m below both, 3.606 m apart: image at 4.123 m, 1.51 ms later.
        let response = ROOM.response(RATE, &mut ChaCha8Rng::seed_from_u64(2));
        let bare = ROOM.tail(response.len(), RATE, &mut ChaCha8Rng::seed_from_u64(2));
        let direct = 13f64.sqrt();
        let way = 17f64.sqrt();
        let delay = ((way - direct) / SPEED_OF_SOUND * RATE.hz()).round() as usize;
        let strength = f64::from(response[delay] - bare[delay]);
        let absorption = 0.161 * 50.0 / (85.0 * 0.5);
        let expected = (1.0f64 - absorption).sqrt() * direct / way;
        assert!((strength - expected).abs() < 1e-4, "{strength} {expected}");
        assert!((response[0] - bare[0] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn random_rooms_hold_both_ends_and_keep_the_power() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let samples = super::super::testing::sine(441.0, 0.5);
        for _ in 0..10 {
            let room = Room::random(&mut rng);
            for axis in 0..3 {
                assert!(room.source_m[axis] < room.size_m[axis] && room.microphone_m[axis] < room.size_m[axis]);
            }
            let out = room.applied(&samples, RATE, &mut rng);
            assert_eq!(out.len(), samples.len());
            assert!((mean_power(&out) / mean_power(&samples) - 1.0).abs() < 1e-3);
        }
    }
}
