//! What is said when nets, cards or the runtime are not as they should be, and that odd pictures do
//! no harm.

use std::path::Path;

use muster::capture::{RgbPicture, picture};
use muster::face::embedding::dot;
use muster::face::{Detection, Liveness, Rect};
use muster::inference::device::TensorRt;
use muster::inference::net::Loader;
use muster::inference::pad::{PadNet, PadStage};
use muster::inference::runtime::{LibrarySearch, Runtime};
use muster::inference::{
    Card, DeviceChoice, FaceAnalyser, InferenceError, Pipeline, PipelineOptions, Probes, Provider,
    StageTimes, WantedFaces,
};

use crate::support::{demo_picture, models_dir, options, pipeline};

/// A models folder of links to the real one's files, to be spoilt.
fn copy_of_models() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let real = models_dir().canonicalize().unwrap();
    for entry in std::fs::read_dir(&real).unwrap().map(Result::unwrap) {
        std::os::unix::fs::symlink(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn load_error(models_dir: &Path, device: DeviceChoice) -> InferenceError {
    let options = PipelineOptions { models_dir: models_dir.to_owned(), device, ..options("default") };
    match Pipeline::load(&options) {
        Ok(_) => panic!("the nets were loaded"),
        Err(error) => error,
    }
}

/// Replaces a link by a file of `bytes`.
fn replace(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::remove_file(folder.join(name)).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn a_missing_net_is_named_with_what_to_do() {
    let folder = copy_of_models();
    std::fs::remove_file(folder.path().join("fr_feature.onnx")).unwrap();
    let error = load_error(folder.path(), DeviceChoice::Cpu);
    assert!(matches!(error, InferenceError::Missing { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("fr_feature.onnx is missing") && text.contains("muster setup"), "{text}");
}

#[test]
fn a_truncated_net_is_named_with_both_sizes() {
    let folder = copy_of_models();
    let whole = std::fs::read(folder.path().join("fr_detect.onnx")).unwrap();
    replace(folder.path(), "fr_detect.onnx", &whole[..1000]);
    let text = load_error(folder.path(), DeviceChoice::Cpu).to_string();
    assert!(
        text.contains("fr_detect.onnx") && text.contains("1217758 bytes") && text.contains("1000"),
        "{text}"
    );
}

/// A net with a flipped bit loads without an error: only the digest shows it.
#[test]
fn a_net_with_one_flipped_bit_is_refused() {
    let folder = copy_of_models();
    let mut bytes = std::fs::read(folder.path().join("fr_landmark.onnx")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    replace(folder.path(), "fr_landmark.onnx", &bytes);
    let text = load_error(folder.path(), DeviceChoice::Cpu).to_string();
    assert!(text.contains("fr_landmark.onnx is not the file its card describes: SHA-256 f10b0ba1"), "{text}");
}

fn loader() -> Loader {
    let models = models_dir();
    let search = LibrarySearch { flag: None, environment: None, models_dir: models.clone() };
    Loader::cpu(&Runtime::open(&search).unwrap(), &models)
}

#[test]
fn a_net_whose_tensors_differ_from_its_card_is_refused() {
    let card = Card::find(&models_dir(), "mobilefacenet-512").unwrap();
    let loader = loader();
    assert!(loader.net(&card.files[0]).is_ok());
    type Spoil = fn(&mut Card);
    let changes: [(Spoil, &str); 4] = [
        (|card| card.files[0].outputs[0].shape[1] = 128, "outputs output f32[1, 128] were expected"),
        (|card| card.files[0].outputs[0].name = "embedding".into(), "outputs embedding f32[1, 512]"),
        (|card| card.files[0].inputs[0].shape[2] = 96, "inputs input f32[1, 3, 96, 112]"),
        (|card| card.files[0].outputs.clear(), "it has output"),
    ];
    for (change, expected) in changes {
        let mut other = card.clone();
        change(&mut other);
        let error = loader.net(&other.files[0]).unwrap_err();
        assert!(matches!(error, InferenceError::Mismatch { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn junk_that_its_card_describes_is_the_runtime_s_to_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let search = LibrarySearch { flag: None, environment: None, models_dir: models_dir() };
    let loader = Loader::cpu(&Runtime::open(&search).unwrap(), folder.path());
    let mut file = Card::find(folder.path(), "onet").unwrap().files[0].clone();
    for junk in [&b"not a net"[..], &[0; 4096], b""] {
        use sha2::Digest;
        std::fs::write(folder.path().join(&file.name), junk).unwrap();
        file.size_bytes = junk.len() as u64;
        file.sha256.0 = sha2::Sha256::digest(junk).into();
        let error = loader.net(&file).unwrap_err().to_string();
        assert!(error.contains("onet.onnx"), "{error}");
    }
}

#[test]
fn a_junk_card_in_the_models_folder_is_named() {
    let folder = copy_of_models();
    std::fs::remove_file(folder.path().join("cards")).unwrap();
    std::fs::create_dir(folder.path().join("cards")).unwrap();
    std::fs::write(folder.path().join("cards/onet.toml"), "id = \"onet\"\nlicence = 3\n").unwrap();
    let text = load_error(folder.path(), DeviceChoice::Cpu).to_string();
    assert!(text.contains("cards/onet.toml is not valid") && text.contains("line 2"), "{text}");
}

#[test]
fn a_truncated_library_is_refused_and_never_loaded() {
    let folder = copy_of_models();
    let library = std::fs::read(models_dir().join("runtime/libonnxruntime.so")).unwrap();
    let manifest = std::fs::read(models_dir().join("runtime/manifest.toml")).unwrap();
    std::fs::remove_file(folder.path().join("runtime")).unwrap();
    std::fs::create_dir(folder.path().join("runtime")).unwrap();
    let cut = folder.path().join("runtime/libonnxruntime.so");
    std::fs::write(&cut, &library[..library.len() / 2]).unwrap();
    std::fs::write(folder.path().join("runtime/manifest.toml"), manifest).unwrap();
    let search = LibrarySearch { flag: None, environment: None, models_dir: folder.path().to_owned() };
    let text = search.locate().unwrap_err().to_string();
    assert!(text.contains("libonnxruntime.so cannot be used") && text.contains("bytes"), "{text}");
    // Where nothing is pinned, its own headers tell.
    let named = LibrarySearch { environment: Some(cut), ..search };
    let text = named.locate().unwrap_err().to_string();
    assert!(text.contains("it was cut short"), "{text}");
}

/// On a machine without CUDA: `cuda` is an error that names what is missing, `auto` runs on the CPU
/// and says why. On one with it, both run there.
#[test]
fn devices_are_what_they_say() {
    let with = |device| Pipeline::load(&PipelineOptions { device, ..options("default") });
    let auto = with(DeviceChoice::Auto).unwrap();
    match with(DeviceChoice::Cuda(0)) {
        Ok(cuda) => {
            assert_eq!(cuda.facts().provider, Provider::Cuda);
            assert_eq!((auto.facts().provider, auto.fallback_reason()), (Provider::Cuda, None));
        }
        Err(error) => {
            assert!(matches!(error, InferenceError::Device { .. }), "{error}");
            let text = error.to_string();
            assert!(text.starts_with("cuda cannot be used: ") && text.contains("CUDA"), "{text}");
            println!("{text}");
            assert_eq!(auto.facts().provider, Provider::Cpu);
            assert!(text.ends_with(auto.fallback_reason().unwrap()), "{text}");
        }
    }
    let tensorrt = TensorRt { index: 0, half: false };
    match with(DeviceChoice::TensorRt(tensorrt)) {
        Ok(pipeline) => assert_eq!(pipeline.facts().provider, Provider::TensorRt),
        Err(error) => {
            assert!(matches!(error, InferenceError::Device { .. }), "{error}");
            let text = error.to_string();
            assert!(text.starts_with("tensorrt cannot be used: ") && text.contains("TensorRT"), "{text}");
            println!("{text}");
        }
    }
    assert_ne!(auto.facts().provider, Provider::TensorRt, "nobody asked for it");
    let cpu = with(DeviceChoice::Cpu).unwrap();
    assert_eq!((cpu.facts().provider, cpu.fallback_reason()), (Provider::Cpu, None));
}

#[test]
fn pictures_of_any_shape_and_content_are_looked_at() {
    for pack in ["default", "mtcnn"] {
        let mut pipeline = pipeline(pack);
        let mut noise = 1u32;
        for (width, height) in [(1, 1), (1, 3000), (3000, 1), (7, 11), (320, 240), (2000, 40)] {
            let mut random = || {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            };
            let data: Vec<u8> = (0..width * height * 3).map(|_| random()).collect();
            let picture = RgbPicture::new(width, height, data).unwrap();
            let analysis = pipeline.analyse(&picture).unwrap();
            assert!(
                analysis.faces.len() < 3,
                "{pack}, {width}x{height}: {} faces in noise",
                analysis.faces.len()
            );
        }
    }
}

#[test]
fn faces_that_go_through_the_nets_together_come_out_as_each_by_itself() {
    let picture = picture::read(&demo_picture("show/sample1.jpg")).unwrap();
    let with = |batches| Pipeline::load(&PipelineOptions { batches, ..options("default") }).unwrap();
    let (mut each, mut together) = (with(false), with(true));
    assert!(each.nets().iter().all(|net| !net.takes_batches() || net.name() == "onet.onnx"));
    let batched: Vec<String> =
        together.nets().iter().filter(|net| net.takes_batches()).map(|net| net.name().to_owned()).collect();
    assert_eq!(batched, ["onet.onnx", "fr_landmark.onnx", "fr_liveness.onnx", "fr_feature.onnx"]);
    // Faces of two pictures, more of them than a batch has room for, and a picture without any between.
    let other = picture::read(&demo_picture("show/sample2.jpg")).unwrap();
    let mut times = StageTimes::default();
    let found: Vec<_> =
        [&picture, &other].map(|picture| (picture, each.detect(picture, &mut times).unwrap())).into();
    let again: Vec<Detection> = found[0].1.iter().cycle().take(7).copied().collect();
    let wanted = [(&picture, again), (&other, Vec::new()), (&other, found[1].1.clone())];
    let wanted = wanted.each_ref().map(|(picture, detections)| WantedFaces { picture, detections });
    assert!(together.takes_several() && !each.takes_several());
    let (each, together) =
        (each.probe_all(&wanted, &mut times).unwrap(), together.probe_all(&wanted, &mut times).unwrap());
    let lengths = |probes: &[Probes]| probes.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(&each), lengths(&together));
    assert!(each[0].len() == 7 && each[1].is_empty() && each[2].len() >= 2, "{:?}", lengths(&each));
    for (one, other) in each.iter().flatten().zip(together.iter().flatten()) {
        let (one, other) = (one.as_ref().unwrap(), other.as_ref().unwrap());
        assert_eq!(one.bounds, other.bounds);
        let alike = dot(one.embedding.as_slice(), other.embedding.as_slice());
        assert!(alike > 0.9999, "{alike}");
        let scores = one.liveness.score().zip(other.liveness.score());
        assert!(scores.is_none_or(|(one, other)| (one - other).abs() < 1e-3), "{scores:?}");
        assert_eq!(one.liveness.score().is_some(), other.liveness.score().is_some());
    }
}

/// Faces enough that answers wait, and one net beside the others: the same to the last bit.
#[test]
fn a_liveness_net_on_a_thread_of_its_own_says_what_it_says_on_the_others_thread() {
    let picture = picture::read(&demo_picture("show/sample1.jpg")).unwrap();
    let with = |beside| Pipeline::load(&PipelineOptions { beside, ..options("default") }).unwrap();
    let (mut here, mut beside) = (with(false), with(true));
    let has_core = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    assert_eq!((here.threads(), beside.threads()), (1, if has_core { 2 } else { 1 }));
    let mut times = StageTimes::default();
    let found = here.detect(&picture, &mut times).unwrap();
    assert!(found.len() >= 3, "{} faces", found.len());
    let many: Vec<Detection> = found.iter().cycle().take(11).copied().collect();
    for detections in [&many[..], &many[..1], &[]] {
        let wanted = [WantedFaces { picture: &picture, detections }];
        let (one, other) =
            (here.probe_all(&wanted, &mut times).unwrap(), beside.probe_all(&wanted, &mut times).unwrap());
        assert_eq!(one, other);
        let scored = one[0].iter().filter(|probe| probe.as_ref().unwrap().liveness.score().is_some()).count();
        assert!(detections.len() < 3 || scored >= 1, "no face was measured");
    }
}

/// What a face that could not be embedded was asked about is not taken for the next one's.
#[test]
fn answers_about_liveness_come_in_the_order_of_the_questions_that_are_left() {
    let picture = picture::read(&demo_picture("show/sample1.jpg")).unwrap();
    let pack = muster::inference::Pack::read(&models_dir(), "default").unwrap();
    let runtime = Runtime::open(&LibrarySearch::from_process(None, models_dir())).unwrap();
    let loader = Loader::cpu(&runtime, &models_dir());
    let open = || PadNet::open(pack.liveness.as_ref().unwrap(), &loader).unwrap();
    let side = picture.width().min(picture.height()) as f32;
    let boxes: Vec<Rect> = (0..12)
        .map(|place| Rect::new(side / 3.0 + 4.0 * place as f32, side / 3.0, side / 6.0, side / 6.0))
        .collect();
    let mut net = open();
    let alone: Vec<Liveness> = boxes.iter().map(|bounds| net.measure(&picture, bounds).unwrap()).collect();
    assert!(alone.windows(2).all(|pair| pair[0] != pair[1]), "{alone:?}");
    let stages = [PadStage::here(open()), PadStage::here(open()).moved_beside(loader.meter()).unwrap()];
    for (mut stage, beside) in stages.into_iter().zip([false, true]) {
        assert_eq!(stage.is_beside(), beside);
        assert!(beside || stage.answer().is_err(), "nothing was asked");
        for bounds in &boxes {
            stage.ask(&picture, bounds);
        }
        stage.unask().unwrap();
        stage.ask(&picture, &boxes[0]);
        let answers: Vec<Liveness> = (0..12).map(|_| stage.answer().unwrap()).collect();
        assert_eq!(answers[..11], alone[..11]);
        assert_eq!(answers[11], alone[0]);
        stage.ask(&picture, &boxes[1]);
        stage.forget();
        stage.ask(&picture, &boxes[2]);
        assert_eq!(stage.answer().unwrap(), alone[2]);
    }
}

/// Slim nets do less, and decide the same.
#[test]
fn slim_nets_see_what_the_plain_ones_see() {
    let with = |slim| Pipeline::load(&PipelineOptions { slim, ..options("default") }).unwrap();
    let (mut plain, mut slim) = (with(false), with(true));
    let mut seen = 0;
    for name in ["show/sample1.jpg", "show/sample2.jpg"] {
        let picture = picture::read(&demo_picture(name)).unwrap();
        let (plain, slim) = (plain.analyse(&picture).unwrap(), slim.analyse(&picture).unwrap());
        assert_eq!(plain.faces.len(), slim.faces.len());
        for (one, other) in plain.faces.iter().zip(&slim.faces) {
            assert_eq!(one.detection, other.detection);
            let (Ok(one), Ok(other)) = (&one.probe, &other.probe) else { panic!("no probe") };
            assert_eq!((&one.landmarks, &one.quality), (&other.landmarks, &other.quality));
            let pairs = one.embedding.as_slice().iter().zip(other.embedding.as_slice());
            let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5, "{apart}");
            let scores = one.liveness.score().zip(other.liveness.score());
            assert!(scores.is_none_or(|(one, other)| (one - other).abs() < 1e-4), "{scores:?}");
            assert_eq!(one.liveness.score().is_some(), other.liveness.score().is_some());
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen} faces");
}
