//! What a card's values must be, whatever its decoder, and what each decoder needs.

mod liveness;
mod shapes;

use std::collections::BTreeSet;
use std::path::Path;

use super::builtin::is_plain_id;
use super::{Card, CardError, Decode, Decoder, Impostors, NetFile};
use crate::face::Metric;
use crate::identify::threshold::MOST_SCALE_SPREAD;

/// The longest side of an input or template: far above any net of a face, far below what would
/// hurt.
const LONGEST_INPUT: u32 = 4096;
/// The largest file that is read into memory.
const LARGEST_FILE_BYTES: u64 = 2 << 30;

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
    shapes::check(&check, card)
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
    let grid = is_grid(card.decoder);
    for (key, side) in [("input.width", input.width), ("input.height", input.height)] {
        if card.decoder == Decoder::Mtcnn {
            check.that(side == 0, key, "must be 0: the cascade takes pictures of any size")?;
        } else if !(grid && side == 0) {
            check.that((8..=LONGEST_INPUT).contains(&side), key, "must be 8 to 4096 pixels")?;
        }
    }
    let together = (input.width == 0) == (input.height == 0);
    check.that(together, "input.height", "must be 0 where input.width is: the net takes any size, or one")?;
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
    check.that(left[0] < right[0], "matching.template_points", expected)?;
    let threshold = f64::from(matching.metric.similarity(matching.threshold).0);
    matching.impostors.as_ref().map_or(Ok(()), |impostors| tail(check, impostors, threshold))
}

/// What is measured of impostors makes a distribution; `threshold` is the card's, as a similarity.
fn tail(check: &Check, impostors: &Impostors, threshold: f64) -> Result<(), CardError> {
    let that = |holds: bool, key: &str, expected: &str| {
        check.that(holds, &format!("matching.impostors.{key}"), expected)
    };
    that(!impostors.measured.trim().is_empty(), "measured", "must say on whom it was measured and how")?;
    that((1..=1 << 53).contains(&impostors.pairs), "pairs", "must be how many pairs were compared")?;
    that(impostors.people > 1, "people", "must be how many people the pairs are of, at least 2")?;
    let start = impostors.tail_start;
    let in_order = impostors.mean > -1.0 && impostors.mean < start;
    that(in_order, "mean", "must be a similarity above -1 and below tail_start")?;
    that(start < threshold, "tail_start", "must be below matching.threshold, as a similarity")?;
    let is_highest = (start..=1.0).contains(&impostors.highest);
    that(is_highest, "highest", "must be a similarity, from tail_start to 1")?;
    let share = impostors.tail_share;
    that(share > 0.0 && share <= 0.25, "tail_share", "must be above 0 and at most 0.25")?;
    let scale = impostors.tail_scale;
    that(scale > 0.0 && scale <= 0.25, "tail_scale", "must be above 0 and at most 0.25")?;
    let [share, scale, covariance] = impostors.spread;
    let variances = share > 0.0 && share <= 4.0 && scale > 0.0 && scale <= MOST_SCALE_SPREAD;
    let expected = "must be two variances above 0, the first at most 4 and the second at most 0.25, and a \
                    covariance that the two allow";
    that(variances && covariance * covariance <= share * scale, "spread", expected)?;
    that(impostors.tail().is_sound(), "spread", expected)
}

/// A number between 0 and 1, both included.
fn is_share(value: f32) -> bool {
    (0.0..=1.0).contains(&value)
}

fn decode(check: &Check, card: &Card) -> Result<(), CardError> {
    let d = &card.decode;
    needed(check, card)?;
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
    grid(check, d)?;
    let crop = card.input.crop.unwrap_or(f32::MAX);
    let least = d.least_crop.is_none_or(|least| least > 0.0 && least <= crop);
    check.that(least, "decode.least_crop", "must be above 0 and not above input.crop")
}

fn grid(check: &Check, d: &Decode) -> Result<(), CardError> {
    let strides = d.strides.as_deref().unwrap_or(&[8]);
    let powers = strides.iter().all(|stride| stride.is_power_of_two() && (2..=256).contains(stride));
    let rising = strides.is_sorted_by(|a, b| a < b);
    let expected = "must be 1 to 8 powers of two from 2 to 256, each larger than the one before";
    check.that(powers && rising && (1..=8).contains(&strides.len()), "decode.strides", expected)?;
    let anchors = d.anchors.is_none_or(|anchors| (1..=16).contains(&anchors));
    check.that(anchors, "decode.anchors", "must be 1 to 16 boxes for each cell")
}

/// Whether a decoder reads cells at several strides.
fn is_grid(decoder: Decoder) -> bool {
    matches!(decoder, Decoder::Yunet | Decoder::Scrfd)
}

/// Each decoder's numbers must be there, and no others: a number that nothing reads is a mistake.
fn needed(check: &Check, card: &Card) -> Result<(), CardError> {
    let d = &card.decode;
    // May be there, and need not.
    let allowed = |key: &str| match key {
        "sure_score" => is_grid(card.decoder),
        _ => false,
    };
    let needed: &[&str] = match card.decoder {
        Decoder::Yunet | Decoder::Scrfd if card.input.width == 0 => {
            &["longest_side", "score", "nms_iou", "strides", "anchors"]
        }
        Decoder::Yunet | Decoder::Scrfd => &["fit", "score", "nms_iou", "strides", "anchors"],
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
        ("strides", d.strides.is_some()),
        ("anchors", d.anchors.is_some()),
        ("min_face", d.min_face.is_some()),
        ("pyramid_factor", d.pyramid_factor.is_some()),
        ("stage_scores", d.stage_scores.is_some()),
        ("stage_iou", d.stage_iou.is_some()),
        ("live_class", d.live_class.is_some()),
        ("least_crop", d.least_crop.is_some()),
    ];
    for (key, there) in given {
        let (wanted, optional) = (needed.contains(&key), allowed(key));
        let key = format!("decode.{key}");
        check.that(there || !wanted, &key, "is needed by this decoder")?;
        check.that(wanted || !there || optional, &key, "is not used by this decoder: leave it out")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
