//! The heads of a held moment that were asked about, one after the other, beside the window.
//!
//! In: what was heard, heads. Out: a [`HeadStudy`] of each. Thread: window, and one for each time that heads are asked about.

use attune_audio::features::FrontEndSpec;
use attune_engine::explain::{Head, HeadStudy, Heard};
use attune_model::LoadedModel;
use crossbeam_channel::{Receiver, Sender, unbounded};

/// What is known of a head.
#[derive(Debug, Clone, PartialEq)]
pub enum Study {
    /// It is being asked about.
    Asking,
    /// What came of it.
    Told(Box<HeadStudy>),
    /// It could not be asked about, and why.
    Failed(String),
}

/// All heads that were asked about.
#[derive(Debug)]
pub struct Studies {
    known: Vec<(Head, Study)>,
    tell: Sender<(Head, Study)>,
    told: Receiver<(Head, Study)>,
}

impl Default for Studies {
    fn default() -> Self {
        let (tell, told) = unbounded();
        Self {
            known: Vec::new(),
            tell,
            told,
        }
    }
}

impl Studies {
    /// Asks about those of the heads that were not asked about yet, of a model that heard this. `done` is
    /// called after each.
    pub fn ask(
        &mut self,
        heads: &[Head],
        (model, spec): (&LoadedModel, &FrontEndSpec),
        heard: Heard,
        done: impl Fn() + Send + 'static,
    ) {
        let new: Vec<Head> = heads.iter().copied().filter(|head| self.of(*head).is_none()).collect();
        if new.is_empty() {
            return;
        }
        self.known.extend(new.iter().map(|head| (*head, Study::Asking)));
        let (tell, model, spec) = (self.tell.clone(), model.clone(), spec.clone());
        let asked = new.clone();
        let begun = std::thread::Builder::new()
            .name("attune-heads".to_owned())
            .spawn(move || {
                let question = heard.question(&spec);
                for head in asked {
                    let study = match HeadStudy::of(&model, &question, head) {
                        Ok(Some(study)) => Study::Told(Box::new(study)),
                        Ok(None) => Study::Failed("the engine has no such head".to_owned()),
                        Err(error) => Study::Failed(error.to_string()),
                    };
                    // The moment was let go: nobody needs the rest.
                    if tell.send((head, study)).is_err() {
                        return;
                    }
                    done();
                }
            });
        if let Err(error) = begun {
            for head in new {
                self.put(head, Study::Failed(error.to_string()));
            }
        }
    }

    /// Says that a head cannot be asked about.
    pub fn refuse(&mut self, heads: &[Head], why: &str) {
        for head in heads {
            self.put(*head, Study::Failed(why.to_owned()));
        }
    }

    fn put(&mut self, head: Head, study: Study) {
        match self.known.iter_mut().find(|(known, _)| *known == head) {
            Some((_, known)) => *known = study,
            None => self.known.push((head, study)),
        }
    }

    /// Takes over what has come.
    pub fn poll(&mut self) {
        while let Ok((head, study)) = self.told.try_recv() {
            self.put(head, study);
        }
    }

    /// What is known of a head; `None`: it was not asked about.
    pub fn of(&self, head: Head) -> Option<&Study> {
        self.known
            .iter()
            .find(|(known, _)| *known == head)
            .map(|(_, study)| study)
    }

    /// What came of a head.
    pub fn told(&self, head: Head) -> Option<&HeadStudy> {
        match self.of(head) {
            Some(Study::Told(study)) => Some(study),
            _ => None,
        }
    }
}
