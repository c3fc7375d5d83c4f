//! Work beside the window: started on a thread of its own, polled once a frame, cancelled when nobody waits for it any
//! more.
//!
//! In: work to be done. Out: progress, then a result or why there is none. Thread: window, and one for each job.

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A job and its outcome. `P` is what it reports while it runs.
#[derive(Debug, Default)]
pub enum Job<T, E, P = ()> {
    /// Not started.
    #[default]
    Idle,
    /// Its thread works on it.
    Running(Running<T, E, P>),
    /// Its result.
    Done(T),
    /// It failed.
    Failed(JobError<E>),
}

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum JobError<E> {
    /// The work failed, or was refused before it began.
    #[error("{0}")]
    Work(E),
    /// The system gives no thread.
    #[error("{0}")]
    Thread(std::io::Error),
    /// The thread ended without a result.
    #[error("the thread that worked on it has ended")]
    Lost,
}

/// The window's end of a job. Dropping it cancels the job.
#[derive(Debug)]
pub struct Running<T, E, P> {
    inbox: Receiver<Message<T, E, P>>,
    cancelled: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Message<T, E, P> {
    Progress(P),
    End(Result<T, E>),
}

impl<T, E, P> Drop for Running<T, E, P> {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// The thread's end of a job.
pub struct Worker<T, E, P> {
    outbox: Sender<Message<T, E, P>>,
    cancelled: Arc<AtomicBool>,
    notify: Arc<dyn Fn() + Send + Sync>,
}

impl<T, E, P> Worker<T, E, P> {
    /// Reports progress. False: nobody waits any more.
    pub fn report(&self, progress: P) -> bool {
        self.send(Message::Progress(progress))
    }

    /// Set when the job is cancelled.
    pub fn cancelled(&self) -> &AtomicBool {
        &self.cancelled
    }

    /// Whether the job is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn send(&self, message: Message<T, E, P>) -> bool {
        let is_wanted = self.outbox.send(message).is_ok();
        if is_wanted {
            (self.notify)();
        }
        is_wanted
    }
}

impl<T, E, P> Job<T, E, P> {
    /// Whether it was not started.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// Whether its thread works on it.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Its result, once there is one.
    pub fn result(&self) -> Option<&T> {
        match self {
            Self::Done(result) => Some(result),
            _ => None,
        }
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&JobError<E>> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// A job that cannot be started, and why.
    pub fn refused(error: E) -> Self {
        Self::Failed(JobError::Work(error))
    }

    /// Cancels the job; its result still arrives.
    pub fn cancel(&self) {
        if let Self::Running(running) = self {
            running.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Takes over what has come; each report goes to `on_progress`.
    pub fn poll_with(&mut self, mut on_progress: impl FnMut(P)) {
        while let Self::Running(running) = self {
            match running.inbox.try_recv() {
                Ok(Message::Progress(progress)) => on_progress(progress),
                Ok(Message::End(Ok(result))) => *self = Self::Done(result),
                Ok(Message::End(Err(error))) => *self = Self::Failed(JobError::Work(error)),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => *self = Self::Failed(JobError::Lost),
            }
        }
    }

    /// Takes over what has come.
    pub fn poll(&mut self) {
        self.poll_with(drop);
    }

    /// Takes the job away if it has ended.
    pub fn take_ended(&mut self) -> Option<Result<T, JobError<E>>> {
        match std::mem::take(self) {
            Self::Done(result) => Some(Ok(result)),
            Self::Failed(error) => Some(Err(error)),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl<T, E, P> Job<T, E, P>
where
    T: Send + 'static,
    E: Send + 'static,
    P: Send + 'static,
{
    /// Starts `work` on a thread of this name. `notify` is called after each report and at the end.
    pub fn start(
        thread: &str,
        notify: impl Fn() + Send + Sync + 'static,
        work: impl FnOnce(&Worker<T, E, P>) -> Result<T, E> + Send + 'static,
    ) -> Self {
        Self::start_over(unbounded(), thread, notify, work)
    }

    /// The same, but but the thread waits while `waiting` reports are not yet taken.
    pub fn start_bounded(
        waiting: usize,
        thread: &str,
        notify: impl Fn() + Send + Sync + 'static,
        work: impl FnOnce(&Worker<T, E, P>) -> Result<T, E> + Send + 'static,
    ) -> Self {
        Self::start_over(bounded(waiting), thread, notify, work)
    }

    fn start_over(
        channel: Channel<T, E, P>,
        thread: &str,
        notify: impl Fn() + Send + Sync + 'static,
        work: impl FnOnce(&Worker<T, E, P>) -> Result<T, E> + Send + 'static,
    ) -> Self {
        let (worker, running) = ends(channel, Arc::new(notify));
        let spawned = spawn(thread, move || {
            let result = work(&worker);
            worker.send(Message::End(result));
        });
        spawned.map_or_else(
            |error| Self::Failed(JobError::Thread(error)),
            |()| Self::Running(running),
        )
    }

    /// Starts one thread that does the same work for each input, one after the other: a job for each, in their order.
    pub fn start_each<I: Send + 'static>(
        thread: &str,
        inputs: Vec<I>,
        notify: impl Fn() + Send + Sync + 'static,
        work: impl Fn(I) -> Result<T, E> + Send + 'static,
    ) -> Vec<Self> {
        let notify: Arc<dyn Fn() + Send + Sync> = Arc::new(notify);
        let (workers, jobs): (Vec<_>, Vec<_>) = inputs
            .iter()
            .map(|_| ends(bounded(1), Arc::clone(&notify)))
            .map(|(worker, running)| (worker, Self::Running(running)))
            .unzip();
        let spawned = spawn(thread, move || {
            for (input, worker) in inputs.into_iter().zip(workers) {
                if !worker.is_cancelled() {
                    worker.send(Message::End(work(input)));
                }
            }
        });
        if let Err(error) = spawned {
            // Their workers are gone: each job says so when it is polled.
            tracing::warn!("no thread for {thread}: {error}");
        }
        jobs
    }
}

/// Both ends of a job's messages.
type Channel<T, E, P> = (Sender<Message<T, E, P>>, Receiver<Message<T, E, P>>);

/// The two ends of a job.
fn ends<T, E, P>(
    (outbox, inbox): Channel<T, E, P>,
    notify: Arc<dyn Fn() + Send + Sync>,
) -> (Worker<T, E, P>, Running<T, E, P>) {
    let cancelled = Arc::new(AtomicBool::new(false));
    let worker = Worker {
        outbox,
        cancelled: Arc::clone(&cancelled),
        notify,
    };
    (worker, Running { inbox, cancelled })
}

fn spawn(thread: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let builder = std::thread::Builder::new().name(thread.to_owned());
    builder.spawn(body).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    type Counting = Job<u32, &'static str, u32>;

    /// Polls until the job has ended.
    fn ended(job: &mut Counting) -> Vec<u32> {
        let mut reports = Vec::new();
        while job.is_running() {
            job.poll_with(|report| reports.push(report));
            std::thread::sleep(Duration::from_millis(1));
        }
        reports
    }

    #[test]
    fn reports_come_in_order_and_then_the_result() {
        let mut job = Counting::start(
            "count",
            || (),
            |worker| Ok((0..100).filter(|i| worker.report(*i)).sum()),
        );
        assert_eq!(ended(&mut job), (0..100).collect::<Vec<_>>());
        assert_eq!(job.result(), Some(&4950));
        assert!(matches!(job.take_ended(), Some(Ok(4950))) && job.is_idle());
    }

    #[test]
    fn a_failure_and_a_panic_are_distinguished() {
        let mut job = Counting::start("fail", || (), |_| Err("no"));
        ended(&mut job);
        assert!(matches!(job, Job::Failed(JobError::Work("no"))));
        let mut job = Counting::start("end", || (), |_| panic!("on purpose"));
        ended(&mut job);
        assert!(matches!(job, Job::Failed(JobError::Lost)));
    }

    #[test]
    fn a_job_that_nobody_waits_for_is_cancelled() {
        let (sender, receiver) = bounded(1);
        let job = Counting::start(
            "wait",
            || (),
            move |worker| {
                while !worker.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                let _ = sender.send(worker.report(1));
                Ok(0)
            },
        );
        drop(job);
        assert!(!receiver.recv_timeout(Duration::from_mins(1)).expect("it has ended"));
    }

    #[test]
    fn one_thread_does_each_in_turn() {
        let work = |i: u32| if i == 2 { Err("two") } else { Ok(10 * i) };
        let mut jobs = Counting::start_each("each", vec![1, 2, 3], || (), work);
        for job in &mut jobs {
            ended(job);
        }
        let results: Vec<_> = jobs.iter().map(Job::result).collect();
        assert_eq!(results, [Some(&10), None, Some(&30)]);
    }
}
