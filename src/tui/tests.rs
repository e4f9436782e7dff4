//! The screen as a whole: state, keys, state; whole screens; random input; the loop.

/// A test for each scene: its text at the sizes that matter is that of the snapshot. It stands before the modules
/// that use it.
macro_rules! screens {
    ($($name:ident: $scene:expr;)*) => {
        $(#[test]
        fn $name() {
            let scene: fn(u16, u16) -> Scene = $scene;
            for (width, height) in [(60, 16), (80, 24), (120, 40)] {
                let name = format!("{}-{width}x{height}", stringify!($name));
                insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false,
                    snapshot_path => "../snapshots" }, {
                    insta::assert_snapshot!(name, scene(width, height).text());
                });
            }
        })*
    };
}

mod acting;
mod approvals;
mod attached;
mod enrolling;
mod inbox;
mod keys;
mod kiosk;
mod looking;
mod random;
mod record;
mod screens;
mod shell;
