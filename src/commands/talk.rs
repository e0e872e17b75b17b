//! The conversation on stderr: notes, warnings, progress. `--quiet` silences all of it.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::table::NARROW;

/// Who speaks to the user while a command works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) quiet: bool,
    pub(super) colour: bool,
}

impl Talk {
    pub(super) fn new(quiet: bool, when: clap::ColorChoice) -> Self {
        let colour = match when {
            clap::ColorChoice::Always => true,
            clap::ColorChoice::Never => false,
            clap::ColorChoice::Auto => {
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        };
        Self { quiet, colour }
    }

    pub(super) fn warn(self, text: &str) {
        self.line("warning:", "33", text);
    }

    pub(super) fn note(self, text: &str) {
        self.line("note:", "36", text);
    }

    fn line(self, label: &str, colour: &str, text: &str) {
        if !self.quiet {
            // Nobody is left to hear that stderr is closed.
            let _ = writeln!(io::stderr().lock(), "{} {}", paint(label, colour, self.colour), plain(text));
        }
    }

    /// A bar over `len` pieces of work; visible on a terminal only, and only once the work has taken half a second.
    pub(super) fn progress(self, len: usize, what: &str) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(len as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_message(what.to_owned());
        Progress { bar, begin: Instant::now(), wanted: AtomicBool::new(!self.quiet && io::stderr().is_terminal()) }
    }
}

/// A bar that appears when the work is not done soon.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    begin: Instant,
    /// Whether it is still to appear.
    wanted: AtomicBool,
}

/// Work that is done before this shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

impl Progress {
    /// One more piece is done.
    pub(super) fn advance(&self) {
        self.advance_by(1);
    }

    /// More pieces are done.
    pub(super) fn advance_by(&self, pieces: u64) {
        let last = self.bar.length() == Some(self.bar.position() + pieces);
        if !last
            && self.wanted.load(Ordering::Relaxed)
            && self.begin.elapsed() > PATIENCE
            && self.wanted.swap(false, Ordering::Relaxed)
        {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        self.bar.inc(pieces);
    }

    /// There are as many pieces.
    #[cfg(feature = "fetch")]
    pub(super) fn expect(&self, pieces: u64) {
        self.bar.set_length(pieces);
    }

    /// All is done: the bar goes away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Columns of the terminal that results go to; [`NARROW`] where they go elsewhere.
pub(super) fn width() -> usize {
    let size = console::Term::stdout().size_checked();
    size.map_or(NARROW, |(_, columns)| usize::from(columns).clamp(NARROW, 160))
}

/// `text` without the control characters that names in a hostile file may hold; line ends stay.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// `text` in an ANSI colour, bold.
pub(super) fn paint(text: &str, colour: &str, on: bool) -> String {
    if on { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_owned() }
}
