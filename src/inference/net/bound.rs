//! Tensors of one shape that are bound to a net once and used for every run: nothing is allocated,
//! and nothing is copied but between the host and a device.

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, Session};
use ort::value::Tensor;

use super::super::card::NetFile;

/// Where a net's input is written and its outputs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// The same memory that the net runs on.
    Shared,
    /// Memory that the CUDA device with this number can copy from and to by itself.
    Pinned(u32),
}

/// A net's tensors of one shape.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) shape: [usize; 4],
    host: Host,
    input_name: String,
    binding: IoBinding,
    input: Tensor<f32>,
    /// In the card's order.
    outputs: Vec<Tensor<f32>>,
}

/// The sizes of each output for a batch of `batch`; none where the card leaves a size open that is
/// no batch.
fn output_shapes(file: &NetFile, batch: usize) -> Option<Vec<Vec<i64>>> {
    let batch = i64::try_from(batch).ok()?;
    let shape_of = |shape: &[i64]| {
        let (first, rest) = shape.split_first()?;
        let first = if *first == -1 { batch } else { *first };
        let shape: Vec<i64> = std::iter::once(first).chain(rest.iter().copied()).collect();
        shape.iter().all(|side| *side > 0).then_some(shape)
    };
    file.outputs.iter().map(|tensor| shape_of(&tensor.shape)).collect()
}

impl Bound {
    /// Tensors for an input of `shape`; none where the sizes of the outputs do not follow from it.
    pub(super) fn new(
        session: &Session,
        file: &NetFile,
        shape: [usize; 4],
        host: Host,
    ) -> ort::Result<Option<Self>> {
        let Some(output_shapes) = output_shapes(file, shape[0]) else { return Ok(None) };
        let allocator = |kind: MemoryType| match host {
            Host::Shared => Ok(Allocator::default()),
            Host::Pinned(index) => {
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                let device = AllocationDevice::CUDA_PINNED;
                Allocator::new(session, MemoryInfo::new(device, index, AllocatorType::Device, kind)?)
            }
        };
        let mut input = Tensor::<f32>::new(&allocator(MemoryType::CPUInput)?, shape)?;
        input.extract_tensor_mut().1.fill(0.0);
        let mut binding = session.create_binding()?;
        let input_name = file.inputs[0].name.clone();
        binding.bind_input(&input_name, &input)?;
        let results = allocator(MemoryType::CPUOutput)?;
        let mut outputs = Vec::with_capacity(output_shapes.len());
        for (tensor, shape) in file.outputs.iter().zip(output_shapes) {
            let mut output = Tensor::<f32>::new(&results, shape)?;
            binding.bind_output(&tensor.name, &mut output)?;
            outputs.push(output);
        }
        Ok(Some(Self { shape, host, input_name, binding, input, outputs }))
    }

    /// The input's values; the last run's until they are written.
    pub(super) fn input(&mut self) -> &mut [f32] {
        self.input.extract_tensor_mut().1
    }

    /// Runs the net; the outputs hold what it put out after it.
    pub(super) fn run(&mut self, session: &mut Session) -> ort::Result<()> {
        if self.host != Host::Shared {
            // Binding is what copies to the device.
            self.binding.bind_input(&self.input_name, &self.input)?;
        }
        session.run_binding(&self.binding)?;
        if self.host != Host::Shared {
            self.binding.synchronize_outputs()?;
        }
        Ok(())
    }

    /// Output `index` in the card's order.
    pub(super) fn output(&self, index: usize) -> Option<(&[i64], &[f32])> {
        let (shape, values) = self.outputs.get(index)?.extract_tensor();
        Some((shape, values))
    }
}
