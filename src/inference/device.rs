//! Which processor the nets are asked to run on, and which one they really run on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What `--device` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// CUDA where it works, else the CPU; which one it became is shown.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA device N, or an error that names what is missing.
    Cuda(u32),
    /// TensorRT, or an error that names what is missing; `auto` never takes it.
    TensorRt(TensorRt),
}

/// How TensorRT is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorRt {
    /// The CUDA device's number.
    pub index: u32,
    /// Whether it may count in 16 bits, which moves embeddings: `muster eval` says by how much.
    pub half: bool,
}

/// A text that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no device: expected auto, cpu, cuda or cuda:N, tensorrt or tensorrt:N, tensorrt-fp16 or tensorrt-fp16:N"
)]
pub struct DeviceChoiceError(pub String);

impl FromStr for DeviceChoice {
    type Err = DeviceChoiceError;

    fn from_str(text: &str) -> Result<Self, DeviceChoiceError> {
        let refused = || DeviceChoiceError(text.to_owned());
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index.parse().map_err(|_| refused())?)),
            None => (text, None),
        };
        let number = index.unwrap_or(0);
        match (name, index) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(number)),
            ("tensorrt", _) => Ok(Self::TensorRt(TensorRt { index: number, half: false })),
            ("tensorrt-fp16", _) => Ok(Self::TensorRt(TensorRt { index: number, half: true })),
            _ => Err(refused()),
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = DeviceChoiceError;
    fn try_from(text: String) -> Result<Self, DeviceChoiceError> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> String {
        choice.to_string()
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(0) => f.pad("cuda"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::TensorRt(TensorRt { index, half }) => {
                let name = if *half { "tensorrt-fp16" } else { "tensorrt" };
                if *index == 0 { f.pad(name) } else { write!(f, "{name}:{index}") }
            }
        }
    }
}

/// What the nets really run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// ONNX Runtime's CPU provider.
    Cpu,
    /// ONNX Runtime's CUDA provider.
    Cuda,
    /// Its TensorRT provider.
    TensorRt,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
            Self::TensorRt => "TensorRT",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_is_written() {
        let texts =
            ["auto", "cpu", "cuda", "cuda:3", "tensorrt", "tensorrt:1", "tensorrt-fp16", "tensorrt-fp16:2"];
        for text in texts {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        assert_eq!("tensorrt:0".parse(), Ok(DeviceChoice::TensorRt(TensorRt { index: 0, half: false })));
        for text in
            ["", "gpu", "cpu:0", "auto:1", "cuda:", "cuda:x", "cuda:-1", "tensorrt-fp8", "tensorrt:1:fp16"]
        {
            let error = text.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}` names no device")), "{error}");
        }
    }
}
