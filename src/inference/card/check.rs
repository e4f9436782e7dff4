//! What a card's values must be, whatever its decoder, and what each decoder needs.

mod liveness;

use std::collections::BTreeSet;
use std::path::Path;

use super::builtin::is_plain_id;
use super::{Card, CardError, Channels, Decode, Decoder, Layout, NetFile, Tensor};
use crate::face::Metric;

/// The longest side of an input or template: far above any net of a face, far below what would
/// hurt.
const LONGEST_INPUT: u32 = 4096;
/// The largest file that is read into memory.
const LARGEST_FILE_BYTES: u64 = 2 << 30;
/// The most values an embedding may have.
const LARGEST_DIMENSION: i64 = 8192;

/// Collects what is wrong with one card; the first finding is the message.
struct Check<'a> {
    path: &'a Path,
}

impl Check<'_> {
    fn that(&self, holds: bool, key: &str, expected: &str) -> Result<(), CardError> {
        if holds { Ok(()) } else { Err(self.error(key, expected)) }
    }

    fn error(&self, key: &str, expected: &str) -> CardError {
        CardError::Value { path: self.path.to_owned(), key: key.to_owned(), expected: expected.to_owned() }
    }
}

/// Checks every value of `card`, which was read from `path`.
pub(super) fn check(card: &Card, path: &Path) -> Result<(), CardError> {
    let check = Check { path };
    identity(&check, card)?;
    input(&check, card)?;
    check.that(!card.files.is_empty(), "files", "must name at least one file")?;
    for file in &card.files {
        net_file(&check, file)?;
    }
    roles(&check, card)?;
    matching(&check, card)?;
    liveness::check(&check, card)?;
    decode(&check, card)?;
    tensors(&check, card)
}

fn identity(check: &Check, card: &Card) -> Result<(), CardError> {
    let stem = check.path.file_stem().and_then(|stem| stem.to_str());
    check.that(
        is_plain_id(&card.id),
        "id",
        "must be 1 to 64 lower-case letters, digits, `-`, `_` or `.`, a letter or digit first",
    )?;
    check.that(
        stem == Some(card.id.as_str()),
        "id",
        "must be the file's own name without `.toml`, because packs and messages name cards by it",
    )?;
    let expected = "must be the task of the card's decoder";
    check.that(card.task == card.decoder.task(), "task", expected)?;
    for (key, text) in
        [("description", &card.description), ("licence", &card.licence), ("provenance", &card.provenance)]
    {
        check.that(!text.trim().is_empty(), key, "must say something; say so where it is not known")?;
    }
    Ok(())
}

fn input(check: &Check, card: &Card) -> Result<(), CardError> {
    let input = &card.input;
    let any_size = card.decoder == Decoder::Mtcnn;
    for (key, side) in [("input.width", input.width), ("input.height", input.height)] {
        if any_size {
            check.that(side == 0, key, "must be 0: the cascade takes pictures of any size")?;
        } else {
            check.that((8..=LONGEST_INPUT).contains(&side), key, "must be 8 to 4096 pixels")?;
        }
    }
    check.that(input.mean.is_finite() && input.mean.abs() <= 255.0, "input.mean", "must be -255 to 255")?;
    check.that(
        input.scale.is_finite() && input.scale > 0.0 && input.scale <= 1000.0,
        "input.scale",
        "must be above 0 and at most 1000",
    )?;
    let takes_crop = matches!(card.decoder, Decoder::OnetJudge | Decoder::Landmarks68 | Decoder::Minifasnet);
    match input.crop {
        Some(factor) if takes_crop => {
            check.that((0.5..=8.0).contains(&factor), "input.crop", "must be 0.5 to 8 times the face box")
        }
        Some(_) => Err(check.error("input.crop", "is not used by this decoder: leave it out")),
        None => {
            check.that(!takes_crop, "input.crop", "is needed by this decoder: 0.5 to 8 times the face box")
        }
    }
}

fn net_file(check: &Check, file: &NetFile) -> Result<(), CardError> {
    let plain = !file.name.is_empty()
        && file.name.len() <= 128
        && !file.name.starts_with('.')
        && !file.name.chars().any(|c| c == '/' || c == '\\' || c.is_control());
    check.that(
        plain,
        "files.name",
        "must be a plain file name in the models folder: no `/`, no `\\`, no leading dot",
    )?;
    check.that(
        (1..=LARGEST_FILE_BYTES).contains(&file.size_bytes),
        "files.size_bytes",
        "must be the file's size, 1 byte to 2 GiB",
    )?;
    if let Some(origin) = &file.origin {
        let inside = !origin.path.is_empty()
            && !origin.path.starts_with('/')
            && !origin.path.split('/').any(|part| part == "..")
            && !origin.path.chars().any(char::is_control);
        check.that(inside, "files.origin.path", "must be a path inside the archive, without `..`")?;
        let known = is_plain_id(&origin.package);
        check.that(known, "files.origin.package", "must be the id of a package in packages.toml")?;
    }
    check.that(file.inputs.len() == 1, "files.inputs", "must be exactly one tensor")?;
    for (key, tensors) in [("files.inputs", &file.inputs), ("files.outputs", &file.outputs)] {
        check.that((1..=32).contains(&tensors.len()), key, "must list 1 to 32 tensors")?;
        let names: BTreeSet<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        check.that(names.len() == tensors.len(), key, "must not name a tensor twice")?;
        for tensor in tensors {
            let ranks = (1..=8).contains(&tensor.shape.len());
            let dimensions = tensor.shape.iter().all(|d| *d == -1 || (1..=100_000_000).contains(d));
            check.that(
                ranks && dimensions,
                key,
                "must have 1 to 8 dimensions, each above 0, or -1 if open",
            )?;
        }
    }
    Ok(())
}

fn roles(check: &Check, card: &Card) -> Result<(), CardError> {
    let roles: Vec<&str> = card.files.iter().map(|file| file.role.as_str()).collect();
    let (expected, message): (&[&str], &str) = match card.decoder {
        Decoder::Mtcnn => (
            &["pnet", "rnet", "onet"],
            "must be pnet, rnet and onet, in this order: the cascade's three nets",
        ),
        _ => (&[""], "must be left out, and there must be one file: the net is one file"),
    };
    check.that(roles == expected, "files.role", message)
}

fn matching(check: &Check, card: &Card) -> Result<(), CardError> {
    let Some(matching) = &card.matching else {
        return check.that(card.decoder != Decoder::Arcface, "matching", "is needed by an embedding net");
    };
    check.that(card.decoder == Decoder::Arcface, "matching", "is only for embedding nets: leave it out")?;
    let (range, expected) = match matching.metric {
        Metric::Cosine => (-1.0..=1.0, "must be a cosine, -1 to 1"),
        Metric::Euclidean => (0.0..=2.0, "must be a distance of unit vectors, 0 to 2"),
    };
    check.that(range.contains(&matching.threshold), "matching.threshold", expected)?;
    let calibrated = !matching.calibration.trim().is_empty();
    check.that(calibrated, "matching.calibration", "must say how the threshold was found")?;
    let square = card.input.width == matching.template_side && card.input.height == matching.template_side;
    check.that(
        square,
        "matching.template_side",
        "must be the input's width and height: the face is laid on it",
    )?;
    let side = matching.template_side as f32;
    let inside = matching.template_points.iter().flatten().all(|v| (0.0..=side).contains(v));
    check.that(inside, "matching.template_points", "must lie inside the template's square")?;
    let [left, right] = [matching.template_points[0], matching.template_points[1]];
    let expected = "must begin with the eye at the picture's left, then the one at its right";
    check.that(left[0] < right[0], "matching.template_points", expected)
}

/// A number between 0 and 1, both included.
fn is_share(value: f32) -> bool {
    (0.0..=1.0).contains(&value)
}

fn decode(check: &Check, card: &Card) -> Result<(), CardError> {
    let d = &card.decode;
    needed(check, card.decoder, d)?;
    for (key, value) in
        [("decode.score", d.score), ("decode.sure_score", d.sure_score), ("decode.nms_iou", d.nms_iou)]
    {
        check.that(value.is_none_or(is_share), key, "must be 0 to 1")?;
    }
    let ordered = d.score.zip(d.sure_score).is_none_or(|(score, sure)| score <= sure);
    check.that(ordered, "decode.sure_score", "must not be below decode.score")?;
    let side = d.longest_side.is_none_or(|side| (64..=LONGEST_INPUT).contains(&side));
    check.that(side, "decode.longest_side", "must be 64 to 4096 pixels")?;
    let face = d.min_face.is_none_or(|face| (12..=LONGEST_INPUT).contains(&face));
    check.that(face, "decode.min_face", "must be 12 to 4096 pixels: the first net sees 12")?;
    let factor = d.pyramid_factor.is_none_or(|factor| (0.3..=0.95).contains(&factor));
    check.that(factor, "decode.pyramid_factor", "must be 0.3 to 0.95")?;
    let scores = d.stage_scores.iter().flatten().all(|v| is_share(*v));
    check.that(scores, "decode.stage_scores", "must each be 0 to 1")?;
    let overlaps = d.stage_iou.iter().flatten().all(|v| is_share(*v));
    check.that(overlaps, "decode.stage_iou", "must each be 0 to 1")?;
    let crop = card.input.crop.unwrap_or(f32::MAX);
    let least = d.least_crop.is_none_or(|least| least > 0.0 && least <= crop);
    check.that(least, "decode.least_crop", "must be above 0 and not above input.crop")
}

/// Each decoder's numbers must be there, and no others: a number that nothing reads is a mistake.
fn needed(check: &Check, decoder: Decoder, d: &Decode) -> Result<(), CardError> {
    let needed: &[&str] = match decoder {
        Decoder::Rfb => &["fit", "score", "sure_score", "nms_iou"],
        Decoder::Mtcnn => &["longest_side", "min_face", "pyramid_factor", "stage_scores", "stage_iou"],
        Decoder::OnetJudge => &["score"],
        Decoder::Landmarks68 | Decoder::Arcface => &[],
        Decoder::Minifasnet => &["live_class", "least_crop"],
    };
    let given = [
        ("fit", d.fit.is_some()),
        ("score", d.score.is_some()),
        ("sure_score", d.sure_score.is_some()),
        ("nms_iou", d.nms_iou.is_some()),
        ("longest_side", d.longest_side.is_some()),
        ("min_face", d.min_face.is_some()),
        ("pyramid_factor", d.pyramid_factor.is_some()),
        ("stage_scores", d.stage_scores.is_some()),
        ("stage_iou", d.stage_iou.is_some()),
        ("live_class", d.live_class.is_some()),
        ("least_crop", d.least_crop.is_some()),
    ];
    for (key, there) in given {
        let wanted = needed.contains(&key);
        let key = format!("decode.{key}");
        check.that(there || !wanted, &key, "is needed by this decoder")?;
        check.that(wanted || !there, &key, "is not used by this decoder: leave it out")?;
    }
    Ok(())
}

/// The shapes that a decoder counts on, so that it never reads past an output's end.
fn tensors(check: &Check, card: &Card) -> Result<(), CardError> {
    let (width, height) = (i64::from(card.input.width), i64::from(card.input.height));
    let channels = card.input.channels.count() as i64;
    let colour = card.input.channels != Channels::Grey;
    check.that(
        colour == (card.decoder != Decoder::Landmarks68),
        "input.channels",
        "must be grey for landmarks and rgb or bgr for everything else",
    )?;
    let column_major = matches!(card.decoder, Decoder::Mtcnn | Decoder::OnetJudge);
    let layout = if column_major { Layout::Nwhc } else { Layout::Nchw };
    check.that(
        card.input.layout == layout,
        "input.layout",
        "must be nwhc for MTCNN's nets and nchw for others",
    )?;
    let fixed = [1, channels, height, width];
    for file in &card.files {
        let input = &file.inputs[0].shape;
        let expected: &[i64] = match (card.decoder, file.role.as_str()) {
            (Decoder::Mtcnn, "pnet") => &[-1, -1, -1, 3],
            (Decoder::Mtcnn, "rnet") => &[-1, 24, 24, 3],
            (Decoder::Mtcnn, _) | (Decoder::OnetJudge, _) => &[-1, 48, 48, 3],
            _ => &fixed,
        };
        let message = format!("must have the shape {expected:?}, which this decoder feeds");
        check.that(input == expected, "files.inputs", &message)?;
        outputs(check, card, file)?;
    }
    let judge = card.decoder != Decoder::OnetJudge || (width, height) == (48, 48);
    check.that(judge, "input.width", "and input.height must be 48: O-Net sees 48 by 48 pixels")
}

fn outputs(check: &Check, card: &Card, file: &NetFile) -> Result<(), CardError> {
    let shapes: Vec<&[i64]> = file.outputs.iter().map(|Tensor { shape, .. }| shape.as_slice()).collect();
    let (fits, expected) = match (card.decoder, file.role.as_str()) {
        (Decoder::Rfb, _) => (
            matches!(shapes[..], [[1, n, 2], [1, m, 4]] if n == m && *n > 0),
            "must be scores [1, N, 2] and boxes [1, N, 4], in this order",
        ),
        (Decoder::Mtcnn, "pnet") => (
            shapes == [&[-1, -1, -1, 4][..], &[-1, -1, -1, 2][..]],
            "must be boxes [-1, -1, -1, 4] and scores [-1, -1, -1, 2], in this order",
        ),
        (Decoder::Mtcnn, "rnet") => (
            shapes == [&[-1, 4][..], &[-1, 2][..]],
            "must be boxes [-1, 4] and scores [-1, 2], in this order",
        ),
        (Decoder::Mtcnn | Decoder::OnetJudge, _) => (
            shapes == [&[-1, 4][..], &[-1, 10][..], &[-1, 2][..]],
            "must be boxes [-1, 4], points [-1, 10] and scores [-1, 2], in this order",
        ),
        (Decoder::Landmarks68, _) => (shapes == [&[1, 136][..]], "must be points [1, 136]"),
        (Decoder::Arcface, _) => (
            matches!(shapes[..], [[1, n]] if (1..=LARGEST_DIMENSION).contains(n)),
            "must be one embedding [1, N] with N of 1 to 8192",
        ),
        (Decoder::Minifasnet, _) => {
            let live = card.decode.live_class.unwrap_or(0) as i64;
            let fits = matches!(shapes[..], [[1, n]] if (2..=100).contains(n) && live < *n);
            (fits, "must be classes [1, N] with N of 2 to 100 and above decode.live_class")
        }
    };
    check.that(fits, "files.outputs", expected)
}

#[cfg(test)]
mod tests {
    use super::super::builtin::Kind;
    use super::*;

    fn text(id: &str) -> String {
        Kind::Card.texts().iter().find(|(known, _)| *known == id).unwrap().1.to_owned()
    }

    fn refusal(id: &str, from: &str, to: &str) -> String {
        let original = text(id);
        assert!(original.contains(from), "{id} says no `{from}`");
        let changed = original.replacen(from, to, 1);
        Card::parse(&changed, Path::new(&format!("{id}.toml"))).unwrap_err().to_string()
    }

    /// Each line: a card, what is changed to what, and what the message must name.
    #[test]
    fn a_wrong_value_is_refused_by_its_key() {
        for (id, from, to, key) in [
            ("rfb-320", "id = \"rfb-320\"", "id = \"other\"", "rfb-320.toml: id "),
            ("rfb-320", "task = \"detection\"", "task = \"liveness\"", "task "),
            ("rfb-320", "width = 320", "width = 0", "input.width "),
            ("rfb-320", "width = 320", "width = 640", "files.inputs "),
            ("rfb-320", "height = 240", "height = 5000000", "input.height "),
            ("rfb-320", "mean = 127.0", "mean = nan", "input.mean "),
            ("rfb-320", "scale = 0.0078125", "scale = 0.0", "input.scale "),
            ("rfb-320", "scale = 0.0078125", "scale = inf", "input.scale "),
            ("rfb-320", "nms_iou = 0.3", "", "decode.nms_iou is needed"),
            ("rfb-320", "nms_iou = 0.3", "nms_iou = 1.3", "decode.nms_iou "),
            ("rfb-320", "nms_iou = 0.3", "nms_iou = 0.3\nlive_class = 0", "decode.live_class is not used"),
            ("rfb-320", "\nscore = 0.3", "\nscore = 0.95", "decode.sure_score "),
            ("rfb-320", "name = \"fr_detect.onnx\"", "name = \"../fr_detect.onnx\"", "files.name "),
            ("rfb-320", "name = \"fr_detect.onnx\"", "name = \"/etc/passwd\"", "files.name "),
            ("rfb-320", "name = \"fr_detect.onnx\"", "name = \"..\"", "files.name "),
            ("rfb-320", "package/model/fr_detect.onnx", "package/../../x", "files.origin.path "),
            ("rfb-320", "size_bytes = 1217758", "size_bytes = 0", "files.size_bytes "),
            ("rfb-320", "4420, 4]", "4419, 4]", "files.outputs "),
            ("rfb-320", "licence = \"MIT", "licence = \" \" # ", "licence "),
            ("mtcnn", "role = \"rnet\"", "role = \"onet\"", "files.role "),
            ("mtcnn", "pyramid_factor = 0.709", "pyramid_factor = 1.0", "decode.pyramid_factor "),
            ("mtcnn", "[0.6, 0.7, 0.7]", "[0.6, nan, 0.7]", "decode.stage_scores "),
            ("mtcnn", "layout = \"nwhc\"", "layout = \"nchw\"", "input.layout "),
            ("onet", "crop = 1.", "# crop = 1.", "input.crop is needed"),
            ("landmarks-68", "channels = \"grey\"", "channels = \"rgb\"", "input.channels "),
            ("minifasnet-3", "live_class = 0", "live_class = 3", "files.outputs "),
            ("minifasnet-3", "live_class = 0", "", "decode.live_class is needed"),
            ("minifasnet-3", "threshold = 0.5", "threshold = 1.0", "liveness.threshold "),
            ("minifasnet-3", "threshold = 0.5", "threshold = nan", "liveness.threshold "),
            ("minifasnet-3", "[liveness]", "[liveness_box]", "unknown field `threshold`"),
            (
                "mobilefacenet-512",
                "[matching]",
                "[liveness]\nthreshold = 0.5\ncalibration = 'x'\n[matching]",
                "liveness is only",
            ),
            ("mtcnn", "width = 0.977", "width = 0.0", "liveness_box.width "),
            ("mtcnn", "height = 1.014", "height = inf", "liveness_box.height "),
            ("mtcnn", "shift_x = 0.019", "shift_x = -1.5", "liveness_box.shift_x "),
            ("mtcnn", "shift_y = -0.004", "shift_y = nan", "liveness_box.shift_y "),
            (
                "mobilefacenet-512",
                "metric = \"cosine\"",
                "metric = \"euclidean\"\nx = 1",
                "unknown field `x`",
            ),
            ("mobilefacenet-512", "threshold = 0.", "threshold = 4", "matching.threshold "),
            ("mobilefacenet-512", "template_side = 112", "template_side = 96", "matching.template_side "),
            ("mobilefacenet-512", "[38.2946,", "[138.2946,", "matching.template_points "),
            ("mobilefacenet-512", "[38.2946,", "[80.0,", "matching.template_points "),
        ] {
            let message = refusal(id, from, to);
            assert!(message.contains(key), "{id}: `{from}` to `{to}` said: {message}");
        }
    }

    #[test]
    fn junk_is_refused_with_its_place() {
        for (junk, place) in
            [("", "missing field"), ("[[[", "line 1"), ("id = 3", "line 1"), ("\u{0}", "line 1")]
        {
            let message = Card::parse(junk, Path::new("junk.toml")).unwrap_err().to_string();
            assert!(message.starts_with("junk.toml is not valid"), "{message}");
            assert!(message.contains(place), "{junk:?} said: {message}");
        }
    }

    #[test]
    fn a_bad_digest_is_refused() {
        for bad in ["6c02", "zc0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854"] {
            let message =
                refusal("rfb-320", "6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854", bad);
            assert!(message.contains("64 hexadecimal digits"), "{message}");
        }
    }
}
