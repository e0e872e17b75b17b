//! The conversation on stderr: notes, warnings, progress. `--quiet` silences all of it.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
            let _ = writeln!(io::stderr().lock(), "{} {text}", paint(label, colour, self.colour));
        }
    }

    /// A bar over `len` pieces of work; visible on a terminal only, and only when the work takes more than half a second.
    pub(super) fn progress(self, len: usize, what: &str) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {per_sec} {eta}");
        let bar = ProgressBar::with_draw_target(Some(len as u64), ProgressDrawTarget::stderr_with_hz(10));
        bar.set_message(what.to_owned());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.enable_steady_tick(Duration::from_millis(500));
        bar
    }
}

/// `text` in an ANSI colour, bold.
pub(super) fn paint(text: &str, colour: &str, on: bool) -> String {
    if on { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_owned() }
}
