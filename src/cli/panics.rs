//! What is said of a panic. One that is caught, of a decoder over a broken picture, is an error with
//! words of its own: nothing is printed, and the screen stays.

use crate::capture::guard::is_guarded;
use crate::tui::terminal::wrap_panic_hook;

/// Puts a filter before whatever reports panics now. The screen's hook comes first, since it would
/// otherwise be put before the filter when the screen is taken.
pub fn install() {
    wrap_panic_hook();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !is_guarded() {
            report(info);
        }
    }));
}
