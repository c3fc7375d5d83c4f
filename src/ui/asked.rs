//! A question that is answered beside the window, once.
//!
//! In: work to be done. Out: what came of it. Thread: window, and one for each question.

use crossbeam_channel::{Receiver, bounded};

/// What is known.
#[derive(Debug, Default)]
pub enum Asked<T> {
    /// Nobody asked.
    #[default]
    Unasked,
    /// It is being worked on.
    Asking(Receiver<Result<T, String>>),
    /// What came of it.
    Told(T),
    /// It cannot be told, and why.
    Failed(String),
}

impl<T> Asked<T> {
    /// Whether nobody asked yet.
    pub fn is_unasked(&self) -> bool {
        matches!(self, Self::Unasked)
    }

    /// Says that it cannot be told.
    pub fn refuse(&mut self, why: &str) {
        *self = Self::Failed(why.to_owned());
    }

    /// Takes over the answer, once it is there.
    pub fn poll(&mut self) {
        if let Self::Asking(told) = self
            && let Ok(answer) = told.try_recv()
        {
            *self = answer.map_or_else(Self::Failed, Self::Told);
        }
    }
}

impl<T: Send + 'static> Asked<T> {
    /// Begins to work on a thread of this name, unless somebody asked before. `done` is called when there is an answer.
    pub fn ask(
        &mut self,
        thread: &str,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
        done: impl Fn() + Send + 'static,
    ) {
        if !self.is_unasked() {
            return;
        }
        let (tell, told) = bounded(1);
        let begun = std::thread::Builder::new().name(thread.to_owned()).spawn(move || {
            // Nobody waits any more if another file was opened or the moment let go.
            let _ = tell.send(work());
            done();
        });
        *self = match begun {
            Ok(_) => Self::Asking(told),
            Err(error) => Self::Failed(error.to_string()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_worked_on_once() {
        let mut asked = Asked::default();
        let (tell, told) = bounded(1);
        asked.ask("asked", || Ok(1), move || tell.send(()).unwrap_or_default());
        asked.ask("asked again", || Ok(2), || ());
        told.recv().expect("an answer");
        asked.poll();
        assert!(matches!(asked, Asked::Told(1)));
        asked.ask("and again", || Err("no".to_owned()), || ());
        assert!(matches!(asked, Asked::Told(1)));
    }
}
