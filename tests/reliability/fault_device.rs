//! A sound system that fails on command, behind the traits of cpal's own hosts.
//!
//! In: [`FaultHost`] for who opens devices, [`FaultDevice`] for who breaks them. Out: what Attune is given. Thread: the
//! test's plays the part of the audio callback.

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Data, DeviceDescription, DeviceDescriptionBuilder, DeviceId, Error, ErrorKind, InputCallbackInfo};
use cpal::{SampleFormat, StreamConfig, StreamInstant, SupportedBufferSize, SupportedStreamConfig};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Where in the opening of a device something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Find,
    Configure,
    Build,
    Play,
}

/// What the next attempts to open the device come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trap {
    /// So many fail there with this.
    Refuse { times: u32, at: Stage, with: ErrorKind },
    /// So many hang there until [`FaultDevice::release`], and fail or succeed then.
    Hang { times: u32, at: Stage, then_opens: bool },
}

type OnData = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;
type OnError = Box<dyn FnMut(Error) + Send>;

struct Open {
    on_data: OnData,
    on_error: OnError,
    is_playing: bool,
}

struct Plan {
    channels: u16,
    rate_hz: u32,
    trap: Option<Trap>,
    /// Grows with each release: what hung before goes on.
    releases: u64,
    hanging: usize,
}

/// The device and what is to become of it.
pub(super) struct FaultDevice {
    plan: Mutex<Plan>,
    released: Condvar,
    /// By the attempt that opened them.
    open: Mutex<BTreeMap<u64, Open>>,
}

impl FaultDevice {
    pub(super) fn new(channels: u16, rate_hz: u32) -> Arc<Self> {
        Arc::new(Self {
            plan: Mutex::new(Plan {
                channels,
                rate_hz,
                trap: None,
                releases: 0,
                hanging: 0,
            }),
            released: Condvar::new(),
            open: Mutex::new(BTreeMap::new()),
        })
    }

    /// What it says of itself from the next attempt on.
    pub(super) fn says(&self, channels: u16, rate_hz: u32) {
        let mut plan = self.plan.lock().unwrap();
        (plan.channels, plan.rate_hz) = (channels, rate_hz);
    }

    pub(super) fn set_trap(&self, trap: Option<Trap>) {
        self.plan.lock().unwrap().trap = trap;
    }

    /// Attempts that hang now.
    pub(super) fn hanging(&self) -> usize {
        self.plan.lock().unwrap().hanging
    }

    /// Lets what hangs go on.
    pub(super) fn release(&self) {
        self.plan.lock().unwrap().releases += 1;
        self.released.notify_all();
    }

    /// One callback of that stream. Whether there is such a stream.
    pub(super) fn deliver(&self, attempt: u64, interleaved: &mut [f32]) -> bool {
        let mut all = self.open.lock().unwrap();
        let Some(open) = all.get_mut(&attempt).filter(|open| open.is_playing) else {
            return false;
        };
        #[allow(unsafe_code, reason = "cpal takes samples of any type by address, length and type")]
        // SAFETY: the address and length are those of a slice of f32 that outlives the call.
        let data = unsafe { Data::from_parts(interleaved.as_mut_ptr().cast(), interleaved.len(), SampleFormat::F32) };
        let now = StreamInstant::new(0, 0);
        let at = cpal::InputStreamTimestamp {
            callback: now,
            capture: now,
        };
        (open.on_data)(&data, &InputCallbackInfo::new(at));
        true
    }

    /// An error callback of that stream.
    pub(super) fn fail(&self, attempt: u64, kind: ErrorKind) {
        if let Some(open) = self.open.lock().unwrap().get_mut(&attempt) {
            (open.on_error)(Error::with_message(kind, "made to fail"));
        }
    }

    /// Goes through what stands in the way of an attempt.
    fn pass(&self, stage: Stage) -> Result<(), Error> {
        let mut plan = self.plan.lock().unwrap();
        match &mut plan.trap {
            Some(Trap::Refuse { times, at, with }) if *at == stage && *times > 0 => {
                *times -= 1;
                Err(Error::with_message(*with, "made to be refused"))
            }
            Some(Trap::Hang { times, at, then_opens }) if *at == stage && *times > 0 => {
                *times -= 1;
                let then_opens = *then_opens;
                let before = plan.releases;
                plan.hanging += 1;
                let mut plan = self.released.wait_while(plan, |plan| plan.releases == before).unwrap();
                plan.hanging -= 1;
                if then_opens {
                    Ok(())
                } else {
                    Err(Error::with_message(ErrorKind::DeviceNotAvailable, "hung, and is gone"))
                }
            }
            _ => Ok(()),
        }
    }
}

/// The sound system as one attempt sees it.
#[derive(Clone)]
pub(super) struct FaultHost {
    pub(super) device: Arc<FaultDevice>,
    pub(super) attempt: u64,
}

impl FaultHost {
    /// As cpal's users see it.
    pub(super) fn into_host(self) -> cpal::Host {
        cpal::Host::from(cpal::platform::CustomHost::from_host(self))
    }
}

impl PartialEq for FaultHost {
    fn eq(&self, other: &Self) -> bool {
        self.attempt == other.attempt
    }
}

impl Eq for FaultHost {}

impl Hash for FaultHost {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.attempt.hash(state);
    }
}

impl fmt::Debug for FaultHost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "FaultHost({})", self.attempt)
    }
}

impl fmt::Display for FaultHost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Faulty microphone")
    }
}

impl HostTrait for FaultHost {
    type Devices = std::iter::Once<Self>;
    type Device = Self;

    fn is_available() -> bool {
        true
    }

    fn devices(&self) -> Result<Self::Devices, Error> {
        Ok(std::iter::once(self.clone()))
    }

    fn default_input_device(&self) -> Option<Self> {
        self.device.pass(Stage::Find).ok().map(|()| self.clone())
    }

    fn default_output_device(&self) -> Option<Self> {
        None
    }
}

/// A device of it; there is one, so that its host can stand for it.
impl DeviceTrait for FaultHost {
    type SupportedInputConfigs = std::iter::Empty<cpal::SupportedStreamConfigRange>;
    type SupportedOutputConfigs = std::iter::Empty<cpal::SupportedStreamConfigRange>;
    type Stream = FaultStream;

    fn description(&self) -> Result<DeviceDescription, Error> {
        Ok(DeviceDescriptionBuilder::new("Faulty microphone").build())
    }

    fn id(&self) -> Result<DeviceId, Error> {
        Ok(DeviceId::new(cpal::HostId::Custom, "faulty"))
    }

    fn supported_input_configs(&self) -> Result<Self::SupportedInputConfigs, Error> {
        Ok(std::iter::empty())
    }

    fn supported_output_configs(&self) -> Result<Self::SupportedOutputConfigs, Error> {
        Ok(std::iter::empty())
    }

    fn default_input_config(&self) -> Result<SupportedStreamConfig, Error> {
        self.device.pass(Stage::Configure)?;
        let plan = self.device.plan.lock().unwrap();
        let buffer = SupportedBufferSize::Range { min: 16, max: 1 << 16 };
        Ok(SupportedStreamConfig::new(
            plan.channels,
            plan.rate_hz,
            buffer,
            SampleFormat::F32,
        ))
    }

    fn default_output_config(&self) -> Result<SupportedStreamConfig, Error> {
        Err(Error::new(ErrorKind::UnsupportedConfig))
    }

    fn build_input_stream_raw<D, E>(
        &self,
        _: StreamConfig,
        _: SampleFormat,
        on_data: D,
        on_error: E,
        _: Option<Duration>,
    ) -> Result<FaultStream, Error>
    where
        D: FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        self.device.pass(Stage::Build)?;
        let open = Open {
            on_data: Box::new(on_data),
            on_error: Box::new(on_error),
            is_playing: false,
        };
        self.device.open.lock().unwrap().insert(self.attempt, open);
        Ok(FaultStream(self.clone()))
    }

    fn build_output_stream_raw<D, E>(
        &self,
        _: StreamConfig,
        _: SampleFormat,
        _: D,
        _: E,
        _: Option<Duration>,
    ) -> Result<FaultStream, Error>
    where
        D: FnMut(&mut Data, &cpal::OutputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        Err(Error::new(ErrorKind::UnsupportedConfig))
    }
}

/// A stream; no callback comes once it is dropped.
pub(super) struct FaultStream(FaultHost);

impl StreamTrait for FaultStream {
    fn play(&self) -> Result<(), Error> {
        self.0.device.pass(Stage::Play)?;
        if let Some(open) = self.0.device.open.lock().unwrap().get_mut(&self.0.attempt) {
            open.is_playing = true;
        }
        Ok(())
    }

    fn pause(&self) -> Result<(), Error> {
        Ok(())
    }

    fn now(&self) -> StreamInstant {
        StreamInstant::new(0, 0)
    }

    fn buffer_size(&self) -> Result<cpal::FrameCount, Error> {
        Ok(441)
    }
}

impl Drop for FaultStream {
    fn drop(&mut self) {
        // Taken out first: what the callbacks own is dropped without the lock.
        let open = self.0.device.open.lock().unwrap().remove(&self.0.attempt);
        drop(open);
    }
}
