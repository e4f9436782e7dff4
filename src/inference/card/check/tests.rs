//! Cards with one thing wrong, and what is said of each.

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
        ("yunet", "width = 0", "width = 640", "input.height must be 0"),
        ("yunet", "width = 0\nheight = 0", "width = 640\nheight = 480", "decode.fit is needed"),
        ("yunet", "longest_side = 640", "longest_side = 10", "decode.longest_side "),
        ("yunet", "longest_side = 640", "", "decode.longest_side is needed"),
        ("yunet", "strides = [8, 16, 32]", "strides = [8, 16]", "files.outputs "),
        ("yunet", "strides = [8, 16, 32]", "strides = [8, 32, 16]", "decode.strides "),
        ("yunet", "strides = [8, 16, 32]", "strides = [8, 16, 24]", "decode.strides "),
        ("yunet", "strides = [8, 16, 32]", "strides = []", "decode.strides "),
        ("yunet", "strides = [8, 16, 32]", "", "decode.strides is needed"),
        ("yunet", "anchors = 1", "anchors = 0", "decode.anchors "),
        ("yunet", "anchors = 1", "anchors = 1\nlongest = 3", "unknown field `longest`"),
        ("yunet", "\"bbox_16\", shape = [-1, -1, 4]", "\"bbox_16\", shape = [-1, -1, 5]", "`bbox_16` has"),
        ("yunet", "\"kps_8\"", "\"kps_16\"", "files.outputs must not name"),
        ("yunet", "[-1, 3, -1, -1]", "[1, 3, 640, 640]", "files.inputs "),
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
        ("mtcnn", "role = \"rnet\"", "role = \"onet\"", "files.role "),
        ("mtcnn", "pyramid_factor = 0.709", "pyramid_factor = 1.0", "decode.pyramid_factor "),
        ("mtcnn", "[0.6, 0.7, 0.7]", "[0.6, nan, 0.7]", "decode.stage_scores "),
        ("mtcnn", "layout = \"nwhc\"", "layout = \"nchw\"", "input.layout "),
        ("onet", "crop = 1.", "# crop = 1.", "input.crop is needed"),
        ("landmarks-68", "channels = \"grey\"", "channels = \"rgb\"", "input.channels "),
        ("minifasnet-3", "live_class = 0", "live_class = 3", "files.outputs "),
        ("minifasnet-3", "live_class = 0", "", "decode.live_class is needed"),
        ("mobilefacenet-512", "metric = \"cosine\"", "metric = \"euclidean\"\nx = 1", "unknown field `x`"),
        ("mobilefacenet-512", "threshold = 0.", "threshold = 4", "matching.threshold "),
        ("mobilefacenet-512", "threshold = 0.45", "threshold = 0.2", "matching.impostors.tail_start "),
        ("mobilefacenet-512", "pairs = 18110", "pairs = 0", "matching.impostors.pairs "),
        ("mobilefacenet-512", "people = 23", "people = 1", "matching.impostors.people "),
        ("mobilefacenet-512", "mean = 0.0115", "mean = 0.3", "matching.impostors.mean "),
        ("mobilefacenet-512", "highest = 0.4079", "highest = 0.1", "matching.impostors.highest "),
        ("mobilefacenet-512", "tail_start = 0.2268", "tail_start = nan", "matching.impostors.mean "),
        ("mobilefacenet-512", "tail_share = 0.0201", "tail_share = 0.5", "matching.impostors.tail_share "),
        ("mobilefacenet-512", "tail_share = 0.0201", "tail_share = 0.0", "matching.impostors.tail_share "),
        ("mobilefacenet-512", "tail_scale = 0.03513", "tail_scale = inf", "matching.impostors.tail_scale "),
        ("mobilefacenet-512", "spread = [0.1577", "spread = [-0.1577", "matching.impostors.spread "),
        (
            "mobilefacenet-512",
            "spread = [0.1577, 0.0241",
            "spread = [0.1577, 0.5",
            "matching.impostors.spread ",
        ),
        ("mobilefacenet-512", "0.0345]", "0.345]", "matching.impostors.spread "),
        ("mobilefacenet-512", "0.0345]", "nan]", "matching.impostors.spread "),
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
    for (junk, place) in [("", "missing field"), ("[[[", "line 1"), ("id = 3", "line 1"), ("\u{0}", "line 1")]
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
