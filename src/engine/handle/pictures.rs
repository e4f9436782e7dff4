//! Replies to a client that is given no pictures of people.

use crate::engine::command::Reply;
use crate::engine::inbox::InboxReply;
use crate::face::EncodedCrop;

/// `reply` without a pixel of anybody.
pub(super) fn without_pictures(mut reply: Reply) -> Reply {
    match &mut reply {
        Reply::Shot(shot) => (shot.crop, shot.crop_side) = (Vec::new(), 0),
        Reply::Shots(shots) => {
            for shot in shots {
                (shot.crop, shot.crop_side) = (Vec::new(), 0);
            }
        }
        Reply::Inbox(InboxReply::Shown(shown)) => {
            (shown.rgb, shown.side, shown.file) = (Vec::new(), 0, EncodedCrop::default());
        }
        Reply::Person(details) => details.face = None,
        _ => {}
    }
    reply
}
