//! Nets that a user brings: the examples that are given, and `muster models` with small nets that do
//! what can be worked out by hand (tools/tiny-nets made them).

use std::path::{Path, PathBuf};

use muster::capture::RgbPicture;
use muster::face::embedding::dot;
use muster::face::{Metric, Rect, Similarity};
use muster::inference::card::complete::{completed, file_count};
use muster::inference::{Card, FaceAnalyser, Pack, Pipeline, PipelineOptions};
use muster::ledger::Sha256Digest;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Finished, Home, demo_picture, models_with_yunet, own_models_dir, root, yunet_net};

fn net(name: &str) -> PathBuf {
    root().join("tests/data/nets").join(format!("{name}.onnx"))
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("models/examples/cards").join(format!("{name}.toml"))).unwrap()
}

/// muster on a models folder of its own.
fn muster(home: &Home, models: &Path, arguments: &[&str]) -> Finished {
    Finished::of(home.muster_on(models, arguments).output().unwrap())
}

fn pipeline(models: &Path, pack: &str) -> Pipeline {
    Pipeline::load(&PipelineOptions::plain(models.to_owned(), pack)).unwrap()
}

#[test]
fn every_example_card_and_pack_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["cards", "packs"] {
        std::fs::create_dir(folder.path().join(kind)).unwrap();
    }
    let examples = crate::support::sorted(&root().join("models/examples/cards"));
    assert!(examples.len() >= 4);
    for path in examples {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("sha256 ="), "{} gives a digest of a file nobody has", path.display());
        let facts = vec![(Sha256Digest([7; 32]), 1000); file_count(&text)];
        let whole = completed(&text, &facts);
        let card = Card::parse(&whole, &path).unwrap();
        assert_eq!(card.files[0].sha256, Sha256Digest([7; 32]));
        std::fs::write(folder.path().join("cards").join(path.file_name().unwrap()), whole).unwrap();
    }
    for path in crate::support::sorted(&root().join("models/examples/packs")) {
        std::fs::copy(&path, folder.path().join("packs").join(path.file_name().unwrap())).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        Pack::read(folder.path(), name).unwrap();
    }
    let openface = Card::find(folder.path(), "openface").unwrap().matching.unwrap();
    assert_eq!((openface.metric, openface.threshold), (Metric::Euclidean, 0.7));
}

/// The SCRFD example for the small net's 64 by 64 pixels.
fn small_scrfd(points: bool) -> String {
    let mut text = example("scrfd");
    for (from, to) in
        [("= 640", "= 64"), ("640, 640]", "64, 64]"), ("12800", "128"), ("3200", "32"), ("[800", "[8")]
    {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    if !points {
        let lines = text.lines().filter(|line| !line.contains(", 10] }"));
        text = lines.collect::<Vec<_>>().join("\n");
    }
    text
}

/// Puts a card and its net where `models add` would, and a pack of them with `rest`.
fn install(models: &Path, cards: &[(&str, &str, &str)], pack: &str) {
    for kind in ["cards", "packs"] {
        std::fs::create_dir_all(models.join(kind)).unwrap();
    }
    for (id, text, file) in cards {
        use sha2::Digest;
        let bytes = std::fs::read(net(file)).unwrap();
        let digest = Sha256Digest(sha2::Sha256::digest(&bytes).into());
        let whole = completed(text, &[(digest, bytes.len() as u64)]);
        let card = Card::parse(&whole, Path::new(&format!("{id}.toml"))).unwrap();
        std::fs::write(models.join(&card.files[0].name), bytes).unwrap();
        std::fs::write(models.join("cards").join(format!("{id}.toml")), whole).unwrap();
    }
    let text = format!("name = \"small\"\ndescription = \"Small nets.\"\n{pack}");
    std::fs::write(models.join("packs/small.toml"), text).unwrap();
}

/// `width` by `height` pixels of `ground`, with boxes of other colours.
fn painted(width: u32, height: u32, ground: [u8; 3], boxes: &[([u32; 4], [u8; 3])]) -> RgbPicture {
    let mut data: Vec<u8> = (0..width * height).flat_map(|_| ground).collect();
    for ([x, y, w, h], colour) in boxes {
        for row in *y..y + h {
            for column in *x..x + w {
                let at = ((row * width + column) * 3) as usize;
                data[at..at + 3].copy_from_slice(colour);
            }
        }
    }
    RgbPicture::new(width, height, data).unwrap()
}

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];

/// The small net says that a cell of 8 by 8 pixels that is all red is a face, whose box reaches one
/// cell to the left and up of the cell's corner, two to the right and three down. The picture is twice
/// the input's size, and wider than high: so the net's pixel is two of the picture's.
#[test]
fn a_scrfd_net_is_fed_and_read_as_its_card_says() {
    for points in [true, false] {
        let models = own_models_dir();
        let file = if points { "scrfd" } else { "scrfd-without-points" };
        let rest = if points { "" } else { "landmarks = \"landmarks-68\"\n" };
        install(
            models.path(),
            &[("scrfd", &small_scrfd(points), file), ("openface", &example("openface"), "openface")],
            &format!("detection = \"scrfd\"\nembedding = \"openface\"\n{rest}"),
        );
        let mut pipeline = pipeline(models.path(), "small");
        // Cell 3, 2 of the input: 24 to 32, 16 to 24; the blue one is no face.
        let picture = painted(128, 96, [0, 0, 0], &[([48, 32, 16, 16], RED), ([96, 16, 16, 16], BLUE)]);
        let faces = pipeline.analyse(&picture).unwrap().faces;
        assert_eq!(faces.len(), 1, "points {points}: {faces:?}");
        let bounds = faces[0].detection.bounds;
        assert!(bounds.iou(&Rect::new(32.0, 16.0, 48.0, 64.0)) > 0.999, "{bounds:?}");
        let found = faces[0].detection.points;
        assert_eq!(found.is_some(), points);
        if let Some(found) = found {
            // 0, 0 and 1, 0 and 0.5, 1 of a cell from the cell's corner.
            let [left, right, nose, ..] = found.to_array().map(|p| (p.x, p.y));
            assert_eq!([left, right, nose], [(48.0, 32.0), (64.0, 32.0), (56.0, 48.0)]);
            assert!(faces[0].probe.is_ok());
        }
    }
}

/// The net's values are the means of 12 by 12 pixels of a face laid on the card's template; here they
/// are worked out from a picture of one colour, in which alignment changes nothing.
#[test]
fn an_openface_net_gets_red_first_in_0_to_1_and_a_distance() {
    let models = own_models_dir();
    install(
        models.path(),
        &[("scrfd", &small_scrfd(true), "scrfd"), ("openface", &example("openface"), "openface")],
        "detection = \"scrfd\"\nembedding = \"openface\"\n",
    );
    let mut pipeline = pipeline(models.path(), "small");
    let facts = pipeline.facts().clone();
    assert_eq!((facts.metric, facts.dimension), (Metric::Euclidean, 128));
    // 1 - 0.7 * 0.7 / 2
    assert!((facts.threshold.0.0 - 0.755).abs() < 1e-6);
    let picture = painted(64, 64, RED, &[]);
    let faces = pipeline.analyse(&picture).unwrap().faces;
    let probe = faces[0].probe.as_ref().unwrap();
    // 64 means of red, which is 1 inside the picture and 0 where the template reaches past it, then 64 of
    // green, which is 0.
    let values = probe.embedding.as_slice();
    assert_eq!(values.len(), 128);
    assert!(values[..64].iter().any(|v| *v > 0.05), "red comes first");
    assert!(values[64..].iter().all(|v| v.abs() < 1e-6), "green is 0");
    assert!((dot(values, values) - 1.0).abs() < 1e-5);
    assert_eq!(Metric::Euclidean.value(Similarity(1.0)), 0.0);
}

/// One way of writing an embedding card each: names, batch, channels, dimension.
#[test]
fn arcface_nets_of_any_dimension_names_and_batch_are_fed_as_their_cards_say() {
    for (id, file, dimension, channels) in [
        ("sface", "sface", 128, "rgb"),
        ("sface", "sface", 128, "bgr"),
        ("auraface-glintr100", "arcface", 512, "rgb"),
    ] {
        let models = own_models_dir();
        let card = example(id).replace("channels = \"rgb\"", &format!("channels = \"{channels}\""));
        install(
            models.path(),
            &[("scrfd", &small_scrfd(true), "scrfd"), (id, &card, file)],
            &format!("detection = \"scrfd\"\nembedding = \"{id}\"\n"),
        );
        let mut pipeline = pipeline(models.path(), "small");
        assert_eq!((pipeline.facts().dimension, pipeline.facts().metric), (dimension, Metric::Cosine));
        // Red enough for the detector, and a little green, which either order has in its second channel.
        let faces = pipeline.analyse(&painted(64, 64, [255, 20, 0], &[])).unwrap().faces;
        let values = faces[0].probe.as_ref().unwrap().embedding.as_slice().to_vec();
        assert_eq!(values.len(), dimension);
        if id == "sface" {
            // The first 64 of the 128 values are means of the first channel, 0 to 255.
            let first: f32 = values[..64].iter().map(|v| v.abs()).sum();
            assert_eq!(first > 0.1, channels == "rgb", "{channels}");
        }
    }
}

/// Every net can be brought with its card alone; the same again changes nothing.
#[test]
fn a_net_is_brought_with_its_card_and_can_be_brought_again() {
    let home = Home::new();
    let models = own_models_dir();
    for (id, file) in [("sface", "sface"), ("openface", "openface"), ("auraface-glintr100", "arcface")] {
        let card = root().join("models/examples/cards").join(format!("{id}.toml"));
        let net = net(file);
        let arguments = ["models", "add", card.to_str().unwrap(), net.to_str().unwrap(), "--json"];
        let added = muster(&home, models.path(), &arguments).expect(0).json_lines();
        assert_eq!(added[0]["card"], id);
        assert_eq!(added[0]["nets"].as_array().unwrap().len(), 1);
        let installed = Card::find(models.path(), id).unwrap();
        assert_eq!(installed.files[0].size_bytes, std::fs::metadata(&net).unwrap().len());
        assert_eq!(installed.files[0].sha256.to_string(), added[0]["sha256"][0]);
        let again = muster(&home, models.path(), &arguments).expect(0).json_lines();
        assert_eq!((&again[0]["nets"], &again[0]["card_file"]), (&Value::Array(vec![]), &Value::Null));
        muster(&home, models.path(), &["models", "verify", id]).expect(0);
    }
}

/// What lies in a folder and below it, with the files' bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in crate::support::sorted(folder) {
        // The lock stays, empty.
        if path.file_name().is_some_and(|name| name == ".staging.lock") {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            found.push((path.clone(), vec![]));
            found.extend(contents(&path));
        } else if !path.is_symlink() {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_left() {
    let home = Home::new();
    let models = own_models_dir();
    let work = tempfile::tempdir().unwrap();
    let sface = example("sface");
    let file = |name: &str| net(name).display().to_string();
    let junk = work.path().join("junk.onnx");
    std::fs::write(&junk, b"not a net").unwrap();
    let with = |from: &str, to: &str| {
        assert!(sface.contains(from), "{from}");
        sface.replace(from, to)
    };
    let pinned = format!("sha256 = \"{}\"\nsize_bytes = 7\nname = \"face_", "1".repeat(64));
    let taken = small_scrfd(true).replace("id = \"scrfd\"", "id = \"rfb-320\"");
    // The card's file and text (none for the name of a card), the net, the exit status, what is said.
    let cases: Vec<(&str, Option<String>, String, i32, &str)> = vec![
        ("sface.toml", Some(sface.clone()), junk.display().to_string(), 1, "could not load"),
        (
            "sface.toml",
            Some(sface.clone()),
            file("openface"),
            1,
            "openface.onnx is not the file its card describes",
        ),
        ("sface.toml", Some(sface.clone()), "/nonexistent.onnx".to_owned(), 3, "/nonexistent.onnx"),
        ("sface.toml", Some(sface.clone()), "/dev/null".to_owned(), 2, "is no net"),
        (
            "sface.toml",
            Some(with("name = \"face_", "sha256 = \"12\"\nname = \"face_")),
            file("sface"),
            2,
            "64 hex",
        ),
        ("sface.toml", Some(with("name = \"face_", &pinned)), file("sface"), 1, "the card `sface` describes"),
        ("other.toml", Some(sface.clone()), file("sface"), 2, "must be the file's own name"),
        ("sface.toml", Some(with("name = \"face_", "name = \"../face_")), file("sface"), 2, "files.name"),
        (
            "sface.toml",
            Some(with("face_recognition_sface_2021dec.onnx\"\ninputs", "fr_feature.onnx\"\ninputs")),
            file("sface"),
            1,
            "is there already",
        ),
        ("rfb-320.toml", Some(taken), file("scrfd"), 1, "another card `rfb-320`"),
        ("nothing", None, file("sface"), 2, "there is no model card `nothing`"),
        ("yunet", None, file("sface"), 1, "104ee26c"),
    ];
    let before = contents(models.path());
    for (name, text, file, code, message) in cases {
        let card = match text {
            Some(text) => {
                std::fs::write(work.path().join(name), text).unwrap();
                work.path().join(name).display().to_string()
            }
            None => name.to_owned(),
        };
        let refused = muster(&home, models.path(), &["models", "add", &card, &file]);
        assert!(refused.stderr.contains(message), "{name} {file}: {}", refused.stderr);
        assert_eq!(refused.code, code, "{name} {file}: {}", refused.stderr);
        assert_eq!(contents(models.path()), before, "{name} {file} left something");
    }
}

/// The whole way with the real net: brought, checked, used, and a face recognised by it.
#[test]
fn yunet_is_brought_and_used() {
    let Some(net) = yunet_net() else { return };
    let home = Home::new();
    let models = own_models_dir();
    let config = home.path().join("site.toml");
    std::fs::write(
        &config,
        "# the door\n[models]\npack = \"default\" # first\n[enrolment]\nkeep_crops = true\n",
    )
    .unwrap();
    let config = config.display().to_string();
    let run = |arguments: &[&str]| {
        let mut all = vec!["--config", &config];
        all.extend(arguments);
        muster(&home, models.path(), &all)
    };
    let refused = run(&["models", "use", "yunet", "--yes"]).expect(3);
    assert!(refused.stderr.contains("muster models add CARD FILE"), "{}", refused.stderr);
    run(&["models", "verify", "yunet"]).expect(3);
    let astronaut = demo_picture("show/astronaut.png").display().to_string();
    run(&["enroll", "Eileen Collins", &astronaut]).expect(0);

    run(&["models", "add", "yunet", net.to_str().unwrap()]).expect(0);
    assert!(!models.path().join("cards/yunet.toml").exists(), "the card is built in");
    run(&["models", "verify", "yunet"]).expect(0);
    // The embedding net is the same one: no template moves, and nothing is asked.
    let used = run(&["models", "use", "yunet", "--json"]).expect(0).json_lines();
    assert_eq!((&used[0]["recomputed"], &used[0]["config_changed"]), (&0.into(), &true.into()));
    let text = std::fs::read_to_string(&config).unwrap();
    assert_eq!(text, "# the door\n[models]\npack = \"yunet\" # first\n[enrolment]\nkeep_crops = true\n");
    let found = run(&["identify", &astronaut, "--json"]).expect(0);
    assert!(found.stdout.contains("Eileen Collins"), "{}", found.stdout);
    let listed = run(&["models", "list", "--json"]).expect(0).json_lines();
    let pack = listed.iter().find(|line| line["pack"] == "yunet").unwrap();
    assert_eq!(
        (&pack["in_use"], &pack["complete"], &pack["templates"]),
        (&true.into(), &true.into(), &1.into())
    );
}

#[test]
fn pictures_of_any_shape_and_content_are_looked_at_by_yunet() {
    let Some(models) = models_with_yunet() else { return };
    let mut pipeline = pipeline(models.path(), "yunet");
    let mut noise = 1u32;
    for (width, height) in [(1, 1), (1, 3000), (3000, 1), (7, 11), (33, 31), (640, 480), (2000, 40)] {
        let mut random = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        let data: Vec<u8> = (0..width * height * 3).map(|_| random()).collect();
        let picture = RgbPicture::new(width, height, data).unwrap();
        let faces = pipeline.analyse(&picture).unwrap().faces.len();
        assert!(faces < 3, "{width}x{height}: {faces} faces in noise");
    }
}

/// A net that was spoilt in its place is brought again; one of another card is not replaced.
#[test]
fn a_damaged_net_is_replaced_by_the_one_its_card_describes() {
    let (Some(models), Some(net)) = (models_with_yunet(), yunet_net()) else { return };
    let home = Home::new();
    let place = models.path().join("yunet_n_dynamic.onnx");
    std::fs::write(&place, b"half").unwrap();
    let verified = muster(&home, models.path(), &["models", "verify"]).expect(3);
    assert!(verified.stdout.contains("wrong    yunet"), "{}", verified.stdout);
    muster(&home, models.path(), &["models", "add", "yunet", net.to_str().unwrap()]).expect(0);
    assert_eq!(std::fs::read(&place).unwrap(), std::fs::read(net).unwrap());
    muster(&home, models.path(), &["models", "verify"]).expect(0);
}

/// Two embedding spaces on one site: who has a kept crop moves, who has none is named.
#[test]
fn templates_move_to_another_space_by_their_kept_crops() {
    let home = Home::new();
    let models = space_models();
    let config = home.path().join("site.toml");
    let write = |keep: bool| {
        std::fs::write(&config, format!("[enrolment]\nkeep_crops = {keep}\n# end\n")).unwrap();
    };
    let path = config.display().to_string();
    let run = |arguments: &[&str]| {
        let mut all = vec!["--config", &path];
        all.extend(arguments);
        muster(&home, models.path(), &all)
    };
    let picture = |name: &str| demo_picture(name).display().to_string();
    write(false);
    run(&["enroll", "Barack Obama", &picture("enrol/obama.jpg")]).expect(0);
    write(true);
    run(&["enroll", "Eileen Collins", &picture("show/astronaut.png")]).expect(0);

    let before = std::fs::read_to_string(&config).unwrap();
    let refused = run(&["models", "use", "other"]).expect(2);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let planned = run(&["models", "use", "other", "--dry-run", "--json"]).expect(0).json_lines();
    assert_eq!((&planned[0]["recomputed"], &planned[0]["left"]), (&1.into(), &1.into()));
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
    let used = run(&["models", "use", "other", "--yes", "--json"]).expect(0).json_lines();
    assert_eq!((&used[0]["recomputed"], &used[0]["left"]), (&1.into(), &1.into()));
    assert_eq!(used[0]["enrol_again"][0]["person"], "Barack Obama");
    assert_eq!(used[0]["enrol_again"].as_array().unwrap().len(), 1);
    let found = run(&["identify", &picture("show/astronaut.png"), "--json"]).expect(0);
    assert!(found.stdout.contains("Eileen Collins"), "{}", found.stdout);
    let found = run(&["identify", &picture("enrol/obama.jpg"), "--json"]).expect(1);
    assert!(!found.stdout.contains("Barack Obama"), "{}", found.stdout);
    // Done again, nothing is left to do; and the way back works by the same crop.
    let again = run(&["models", "use", "other", "--yes", "--json"]).expect(0).json_lines();
    assert_eq!((&again[0]["recomputed"], &again[0]["config_changed"]), (&0.into(), &false.into()));
    run(&["models", "use", "default", "--yes"]).expect(0);
    for name in ["show/astronaut.png", "enrol/obama.jpg"] {
        run(&["identify", &picture(name)]).expect(0);
    }
    // Removed, the crop goes with the template.
    run(&["roster", "remove", "Eileen Collins", "--yes"]).expect(0);
    let listed = run(&["models", "list", "--json"]).expect(0).json_lines();
    let pack = listed.iter().find(|line| line["pack"] == "default").unwrap();
    assert_eq!(pack["templates"], 1);
}

/// The default nets, and a pack `other` whose card of the same embedding net feeds it red first: another
/// space, with nets that every checkout has.
fn space_models() -> TempDir {
    let models = own_models_dir();
    for kind in ["cards", "packs"] {
        std::fs::create_dir_all(models.path().join(kind)).unwrap();
    }
    let read = |path: &str| std::fs::read_to_string(root().join("models").join(path)).unwrap();
    let card = read("cards/mobilefacenet-512.toml").replace("\"mobilefacenet-512\"", "\"red-first\"");
    let card = card.replace("channels = \"bgr\"", "channels = \"rgb\"");
    std::fs::write(models.path().join("cards/red-first.toml"), card).unwrap();
    let pack = read("packs/default.toml").replace("\"default\"", "\"other\"");
    let pack = pack.replace("\"mobilefacenet-512\"", "\"red-first\"");
    std::fs::write(models.path().join("packs/other.toml"), pack).unwrap();
    models
}
