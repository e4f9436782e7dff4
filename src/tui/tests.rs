//! The screen as a whole: state, keys, state; whole screens; random input; the loop.

mod acting;
mod enrolling;
mod inbox;
mod keys;
mod kiosk;
mod looking;
mod random;
mod record;
mod screens;
mod shell;
