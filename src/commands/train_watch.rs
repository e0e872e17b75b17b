//! What the user sees of a training while it runs: a bar of the epoch, a line after each.

use std::path::{Path, PathBuf};

use edgebench_train::compress::Follow;
use edgebench_train::fit::{Progress, State, Watch};
use edgebench_train::recipe::Stage;
use edgebench_train::{Error, Trainer, checkpoint};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::talk::Talk;

/// Shows a training, and keeps it if asked to.
pub(super) struct Follower {
    talk: Talk,
    name: String,
    epochs: usize,
    bar: ProgressBar,
    kept: Option<(PathBuf, String)>,
    /// Whether nothing is said of single epochs.
    brief: bool,
}

impl Follower {
    /// For trainings of `epochs` epochs of `images` images.
    pub(super) fn new(talk: Talk, name: &str, (epochs, images): (usize, usize)) -> Follower {
        let target = if talk.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(5) };
        let bar = ProgressBar::with_draw_target(Some((epochs * images) as u64), target);
        let style = ProgressStyle::with_template("{prefix} [{bar:24}] {msg}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(name.to_owned());
        Follower { talk, name: name.to_owned(), epochs, bar, kept: None, brief: false }
    }

    /// Writes a checkpoint after every epoch.
    pub(super) fn keeping(mut self, path: &Path, fingerprint: &str) -> Follower {
        self.kept = Some((path.to_owned(), fingerprint.to_owned()));
        self
    }

    /// Says nothing of single epochs.
    pub(super) fn briefly(mut self) -> Follower {
        self.brief = true;
        self
    }

    /// All is done: the bar goes away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Follower {
    fn step(&mut self, now: &Progress) {
        let seen = (now.epoch - 1) * now.of + now.images;
        self.bar.set_position(seen as u64);
        let speed = self.bar.per_sec();
        let (epoch, epochs) = (now.epoch, self.epochs);
        let percent = 100.0 * now.accuracy;
        self.bar
            .set_message(format!("epoch {epoch}/{epochs}, loss {:.3}, {percent:.1} %, {speed:.0} images/s", now.loss));
    }

    fn epoch(&mut self, trainer: &Trainer, state: &State) -> Result<(), Error> {
        if let Some((path, fingerprint)) = &self.kept {
            checkpoint::save(path, trainer, state, fingerprint)?;
        }
        let Some(last) = state.history.last().filter(|_| !self.brief) else { return Ok(()) };
        let best = state.best.as_ref().is_some_and(|best| best.epoch == last.epoch);
        let valid = last.valid_accuracy.map_or(String::new(), |share| {
            format!(", validation {:.2} %{}", 100.0 * share, if best { " (best)" } else { "" })
        });
        let (epoch, epochs, seconds) = (last.epoch, self.epochs, last.seconds);
        let line = format!(
            "{}: epoch {epoch}/{epochs}, loss {:.4}, training {:.2} %{valid}, {seconds:.1} s",
            self.name,
            last.loss,
            100.0 * last.accuracy
        );
        let talk = self.talk;
        self.bar.suspend(|| talk.note(&line));
        Ok(())
    }
}

impl Follow for Follower {
    fn stage(&mut self, number: usize, stage: &Stage, epochs: usize) {
        let images = self.bar.length().unwrap_or(0) as usize / self.epochs.max(1);
        let base = self.name.split(" / ").next().unwrap_or_default().to_owned();
        self.name = format!("{base} / stage {} ({})", number + 1, stage.kind.name());
        self.epochs = epochs;
        self.bar.set_prefix(self.name.clone());
        self.bar.set_length((epochs * images) as u64);
        self.bar.reset();
    }

    fn watch(&mut self) -> &mut dyn Watch {
        self
    }
}
