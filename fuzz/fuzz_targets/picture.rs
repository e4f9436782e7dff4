//! Any bytes are a picture within the limits or an error, as a file and as a camera's buffer. A panic
//! inside a decoder is caught by the library and so is not a finding here; what gets out is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::capture::picture;
use muster::capture::pool::PicturePool;

fuzz_target!(init: {
    // The fuzzer's own hook ends the process at a panic, also at one that is caught.
    std::panic::set_hook(Box::new(|panic| {
        if !muster::capture::guard::is_guarded() {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}, |data: &[u8]| {
    let still = picture::decode(data, "fuzz");
    if let Ok(found) = &still {
        let pixels = u64::from(found.width()) * u64::from(found.height());
        assert!(pixels <= picture::MAX_PIXELS);
        assert_eq!(found.data().len() as u64, pixels * 3);
    }
    let mut pool = PicturePool::default();
    let _ = picture::decode_motion(data, true, &mut pool);
    let _ = picture::decode_motion(data, false, &mut pool);
});
