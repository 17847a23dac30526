//! The progress bar: on a terminal only, on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar that is used for one phase after the other.
pub struct Progress(ProgressBar);

impl Progress {
    /// Hidden where nobody watches.
    pub fn new() -> Progress {
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr_with_hz(10),
            false => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template("{prefix:>11} {bar:30} {pos}/{len} {wide_msg}");
        Progress(ProgressBar::with_draw_target(None, target).with_style(style.expect("the template is sound")))
    }

    /// The next phase, of `length` steps.
    pub fn begin(&self, phase: &'static str, length: u64) {
        self.0.reset();
        self.0.set_length(length);
        self.0.set_prefix(phase);
        self.0.set_message("");
    }

    /// How far the phase is.
    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// What there is to say meanwhile.
    pub fn say(&self, message: String) {
        self.0.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
