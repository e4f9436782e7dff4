//! A device file as it is asked what it offers and told what to do, without its stream. Here and in
//! `device` alone the bindings are named; their conversions unwind on what they do not know, so that
//! every question is asked inside the fence.

use std::io;

use rustix::io::Errno;
use v4l::capability::Flags as Capability;
use v4l::control::{Control, Description, Flags, MenuItem, Type, Value};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::controls::{CameraControl, ControlKind, ControlPort, plain_name};
use super::format::{CameraFormat, Interval, SizeRange, format_of, intervals_between};
use super::mode::{CameraMode, Encoding};
use super::system::System;
use crate::capture::guard::guarded;

/// What a device says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Abilities {
    /// The kernel's driver.
    pub(super) driver: String,
    /// What it is called.
    pub(super) card: String,
    /// Where it is connected.
    pub(super) bus: String,
    /// Whether pictures come out of it: others of its files carry what belongs to the pictures, or
    /// take pictures.
    pub(super) captures: bool,
}

/// A device file that is open.
pub(super) struct Node(Device);

impl Node {
    pub(super) fn open(system: &System, index: u32) -> io::Result<Self> {
        asked(|| Device::with_path(system.node(index))).map(Self)
    }

    pub(super) fn abilities(&self) -> io::Result<Abilities> {
        let found = asked(|| self.0.query_caps())?;
        let captures =
            found.capabilities.intersects(Capability::VIDEO_CAPTURE | Capability::VIDEO_CAPTURE_MPLANE);
        Ok(Abilities { driver: found.driver, card: found.card, bus: found.bus, captures })
    }

    /// Every size in every encoding, with its rates.
    pub(super) fn formats(&self) -> io::Result<Vec<CameraFormat>> {
        let mut formats = Vec::new();
        for description in asked(|| self.0.enum_formats())? {
            let Ok(letters) = description.fourcc.str() else { continue };
            for size in self.sizes(description.fourcc) {
                let intervals = self.intervals(description.fourcc, size);
                formats.push(format_of(letters.trim_end(), size, &intervals));
            }
        }
        Ok(formats)
    }

    /// None where the driver does not list them.
    fn sizes(&self, encoding: FourCC) -> Vec<(u32, u32)> {
        let sizes = asked(|| self.0.enum_framesizes(encoding)).unwrap_or_default();
        let each = sizes.into_iter().flat_map(|size| match size.size {
            FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
            FrameSizeEnum::Stepwise(range) => SizeRange {
                least: (range.min_width, range.min_height),
                most: (range.max_width, range.max_height),
                step: (range.step_width, range.step_height),
            }
            .sizes(),
        });
        each.collect()
    }

    /// Where the driver lists none, the one that is set.
    fn intervals(&self, encoding: FourCC, (width, height): (u32, u32)) -> Vec<Interval> {
        let own = |fraction: Fraction| Interval {
            numerator: fraction.numerator,
            denominator: fraction.denominator,
        };
        match asked(|| self.0.enum_frameintervals(encoding, width, height)) {
            Ok(intervals) => {
                let each = intervals.into_iter().flat_map(|interval| match interval.interval {
                    FrameIntervalEnum::Discrete(interval) => vec![own(interval)],
                    FrameIntervalEnum::Stepwise(range) => intervals_between(own(range.min), own(range.max)),
                });
                each.collect()
            }
            Err(_) => asked(|| self.0.params()).map(|set| own(set.interval)).into_iter().collect(),
        }
    }

    /// Whether pictures could be had now, asked without changing anything: setting what is set is refused
    /// while another program streams.
    pub(super) fn check_free(&self) -> io::Result<()> {
        asked(|| {
            let set = self.0.format()?;
            self.0.set_format(&set).map(drop)
        })
    }

    /// Sets size, encoding and rate, and says what the driver has made of them.
    pub(super) fn set_mode(&self, mode: CameraMode) -> io::Result<CameraMode> {
        let letters = mode.encoding.four_letters().as_bytes();
        let letters = letters.try_into().map_err(io::Error::other)?;
        let set = asked(|| self.0.set_format(&Format::new(mode.width, mode.height, FourCC::new(letters))))?;
        let encoding = set.fourcc.str().ok().and_then(Encoding::of).unwrap_or(mode.encoding);
        let fps = match asked(|| self.0.set_params(&Parameters::with_fps(mode.fps))) {
            Ok(Parameters { interval: Fraction { numerator: 1, denominator }, .. }) => denominator,
            Ok(_) => mode.fps,
            // A driver without rates says so, and keeps its own.
            Err(error) if error.raw_os_error() == Some(Errno::NOTTY.raw_os_error()) => mode.fps,
            Err(error) => return Err(error),
        };
        Ok(CameraMode { width: set.width, height: set.height, fps, encoding })
    }

    fn described(&self, control: Description) -> Option<CameraControl> {
        if control.typ == Type::CtrlClass || control.flags.intersects(Flags::DISABLED) {
            return None;
        }
        let words = control.items.unwrap_or_default().into_iter().map(|(number, item)| {
            let word = match item {
                MenuItem::Name(name) => name,
                MenuItem::Value(value) => value.to_string(),
            };
            (i64::from(number), word)
        });
        let kind = match control.typ {
            Type::Boolean => ControlKind::Switch,
            Type::Integer | Type::Integer64 => ControlKind::Number,
            Type::Menu | Type::IntegerMenu => ControlKind::Menu,
            _ => ControlKind::Other,
        };
        let value = asked(|| self.0.control(control.id)).ok().and_then(|control| match control.value {
            Value::Integer(number) => Some(number),
            Value::Boolean(on) => Some(i64::from(on)),
            _ => None,
        });
        Some(CameraControl {
            id: control.id,
            name: plain_name(&control.name),
            kind,
            value,
            default: control.default,
            least: control.minimum,
            most: control.maximum,
            step: control.step,
            words: words.collect(),
            inactive: control.flags.intersects(Flags::INACTIVE),
            read_only: control.flags.intersects(Flags::READ_ONLY),
        })
    }
}

impl ControlPort for Node {
    fn controls(&mut self) -> io::Result<Vec<CameraControl>> {
        let controls = asked(|| self.0.query_controls())?;
        Ok(controls.into_iter().filter_map(|control| self.described(control)).collect())
    }

    fn set(&mut self, control: &CameraControl, number: i64) -> io::Result<()> {
        asked(|| self.0.set_control(Control { id: control.id, value: Value::Integer(number) }))
    }
}

/// Asks the binding, inside the fence.
fn asked<T>(question: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    guarded(question).unwrap_or_else(|| Err(io::Error::other("it answers what its reader does not know")))
}

#[cfg(test)]
mod tests {
    use super::super::system::fake::Fake;
    use super::*;

    #[test]
    fn what_is_no_device_is_an_error_and_no_panic() {
        let fake = Fake::new();
        assert_eq!(Node::open(&fake.system, 0).err().unwrap().kind(), io::ErrorKind::NotFound);
        fake.write("dev/video0", "");
        let mut node = Node::open(&fake.system, 0).unwrap();
        let not_a_device = Errno::NOTTY.raw_os_error();
        assert_eq!(node.abilities().err().unwrap().raw_os_error(), Some(not_a_device));
        assert_eq!(node.check_free().err().unwrap().raw_os_error(), Some(not_a_device));
        assert_eq!(node.formats().unwrap(), []);
        assert!(node.controls().is_err());
        let told = asked(|| -> io::Result<u8> { std::panic::resume_unwind(Box::new("stop")) });
        assert!(told.is_err());
    }
}
