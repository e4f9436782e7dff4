//! What the nets run on beside the CPU: CUDA, or TensorRT with CUDA for what it does not take.

use std::path::Path;

use ort::ep;
use ort::ep::ExecutionProviderDispatch;

use super::super::card::NetFile;
use super::super::device::{DeviceChoice, Provider, TensorRt};
use super::super::{InferenceError, runtime};
use super::MOST_AT_ONCE;

/// A GPU and what drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpu {
    /// ONNX Runtime's CUDA provider on the device of this number.
    Cuda(u32),
    /// Its TensorRT provider.
    TensorRt(TensorRt),
}

impl Gpu {
    /// The device's number.
    pub fn index(self) -> u32 {
        match self {
            Self::Cuda(index) | Self::TensorRt(TensorRt { index, .. }) => index,
        }
    }

    pub(super) fn provider(self) -> Provider {
        match self {
            Self::Cuda(_) => Provider::Cuda,
            Self::TensorRt(_) => Provider::TensorRt,
        }
    }

    fn choice(self) -> DeviceChoice {
        match self {
            Self::Cuda(index) => DeviceChoice::Cuda(index),
            Self::TensorRt(choice) => DeviceChoice::TensorRt(choice),
        }
    }

    /// The providers to ask for, the first one first. `engines` is where TensorRT's engines are kept, which
    /// take minutes to make; `file` is the net that it is for.
    pub(super) fn providers(
        self,
        engines: Option<&Path>,
        file: Option<&NetFile>,
    ) -> Vec<ExecutionProviderDispatch> {
        let device = i32::try_from(self.index()).unwrap_or(i32::MAX);
        let cuda = ep::CUDA::default().with_device_id(device).build().error_on_failure();
        let Self::TensorRt(TensorRt { half, .. }) = self else { return vec![cuda] };
        let mut tensorrt = ep::TensorRT::default().with_device_id(device).with_fp16(half);
        if let Some(folder) = engines.and_then(Path::to_str) {
            tensorrt = tensorrt
                .with_engine_cache(true)
                .with_engine_cache_path(folder)
                .with_timing_cache(true)
                .with_timing_cache_path(folder);
        }
        // Otherwise an engine is made anew for each size of batch that comes.
        if let Some([least, usual, most]) = file.and_then(profiles) {
            tensorrt = tensorrt
                .with_profile_min_shapes(least)
                .with_profile_opt_shapes(usual)
                .with_profile_max_shapes(most);
        }
        vec![tensorrt.build().error_on_failure(), cuda]
    }

    /// What is missing, from what the runtime said.
    pub(super) fn error(self, message: &str) -> InferenceError {
        let (name, libraries) = match self {
            Self::Cuda(_) => ("CUDA", "CUDA and cuDNN"),
            Self::TensorRt(_) => ("TensorRT", "CUDA, cuDNN and TensorRT"),
        };
        let detail = if message.contains("not enabled in this build") {
            format!(
                "this ONNX Runtime was built without {name} ({message}); name the library of onnxruntime-gpu in {}, \
                 with its provider libraries beside it",
                runtime::LIBRARY_VARIABLE
            )
        } else {
            let message = in_short(message);
            format!(
                "{message}; it needs an NVIDIA driver, and the {libraries} libraries that this ONNX Runtime was \
                 built for where the system's loader finds them"
            )
        };
        InferenceError::Device { device: self.choice().to_string(), detail }
    }
}

/// Of a provider that cannot be loaded, which one and what it lacks, without the runtime's own source places.
fn in_short(message: &str) -> String {
    let loading = message.split_once("Failed to load library ").map(|(_, rest)| rest);
    match loading.and_then(|rest| rest.split_once(" with error: ")) {
        Some((library, reason)) => format!("{library} cannot be loaded: {}", reason.trim()),
        None => message.trim().to_owned(),
    }
}

/// The least, usual and largest shapes of an input whose batch is open, as TensorRT reads them; none where
/// nothing else or more than that is open.
fn profiles(file: &NetFile) -> Option<[String; 3]> {
    let input = file.inputs.first()?;
    let (batch, rest) = input.shape.split_first()?;
    (*batch == -1 && rest.iter().all(|side| *side > 0)).then_some(())?;
    let rest: Vec<String> = rest.iter().map(|side| format!("x{side}")).collect();
    let shape = |batch: usize| format!("{}:{batch}{}", input.name, rest.concat());
    Some([shape(1), shape(MOST_AT_ONCE / 2), shape(MOST_AT_ONCE)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Card;

    fn net(card: &str) -> NetFile {
        Card::find(Path::new("/nonexistent"), card).unwrap().files[0].clone()
    }

    #[test]
    fn a_net_with_an_open_batch_has_one_engine_for_all_batches() {
        let mut file = net("mobilefacenet-512");
        assert_eq!(profiles(&file), None, "its batch is 1");
        file.inputs[0].shape[0] = -1;
        let expected = ["input:1x3x112x112", "input:4x3x112x112", "input:8x3x112x112"].map(str::to_owned);
        assert_eq!(profiles(&file), Some(expected));
        file.inputs[0].shape[2] = -1;
        assert_eq!(profiles(&file), None, "its pictures come in any size");
    }

    #[test]
    fn what_is_missing_is_said_of_the_device_that_was_asked_for() {
        let half = Gpu::TensorRt(TensorRt { index: 1, half: true });
        let text = half.error("TensorRT execution provider is not enabled in this build.").to_string();
        assert!(
            text.starts_with("tensorrt-fp16:1 cannot be used: this ONNX Runtime was built without TensorRT")
        );
        assert!(text.contains(runtime::LIBRARY_VARIABLE), "{text}");
        let text = half.error("libnvinfer.so.10: cannot open shared object file").to_string();
        assert!(text.contains("libnvinfer.so.10") && text.contains("cuDNN and TensorRT"), "{text}");
        let said = "/onnxruntime_src/provider_bridge_ort.cc:1962 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
                    /m/libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file\n";
        let text = Gpu::Cuda(0).error(said).to_string();
        let expected = "cuda cannot be used: /m/libonnxruntime_providers_cuda.so cannot be loaded: libcublasLt.so.12: cannot open \
                        shared object file; it needs an NVIDIA driver";
        assert!(text.starts_with(expected), "{text}");
        let text = Gpu::Cuda(0).error("libcudnn.so.9: cannot open shared object file").to_string();
        assert!(text.starts_with("cuda cannot be used: libcudnn.so.9"), "{text}");
        assert!(text.contains("CUDA and cuDNN") && !text.contains("TensorRT"), "{text}");
    }

    #[test]
    fn what_tensorrt_does_not_take_is_left_to_cuda() {
        let count = |gpu: Gpu| gpu.providers(Some(Path::new("/nonexistent")), None).len();
        assert_eq!(count(Gpu::Cuda(0)), 1);
        assert_eq!(count(Gpu::TensorRt(TensorRt { index: 0, half: false })), 2);
    }
}
