//! One net in a session of its own: what is checked before and after loading, and running it.

pub mod batch;
mod bound;
mod denormals;
pub mod gpu;
mod graphs;
pub mod meter;
mod onnx;
mod outputs;
mod slim;
mod slimmed;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{Outlet, TensorElementType, TensorRef};
use sha2::{Digest, Sha256};

use super::InferenceError;
use super::card::{NetFile, Tensor};
use super::device::{Provider, TensorRt};
use super::runtime::Runtime;
use crate::ledger::Sha256Digest;
use bound::{Bound, Host};
use gpu::Gpu;
use graphs::{Graph, Graphs};
use meter::Meter;
pub use outputs::Outputs;
use outputs::Values;

/// What to do about a file that is not the one its card describes.
fn hint(file: &NetFile) -> &'static str {
    match file.origin {
        Some(_) => "run `muster setup` to fetch it again",
        None => "bring the file that the card describes, or correct the card if it is your own",
    }
}

/// Threads that a net runs on, on the CPU.
pub const THREADS: usize = 1;

/// What decides what the CPU's provider optimises a net to, besides the net, the runtime and the processor: to
/// be changed with whatever [`Loader::session`] sets of it, so that kept nets are made anew.
const GRAPH_OPTIONS: &str = "CPU; level all";

/// What nets are loaded with.
#[derive(Debug, Clone)]
pub struct Loader {
    runtime: Runtime,
    models_dir: PathBuf,
    /// None for the CPU.
    gpu: Option<Gpu>,
    /// Where TensorRT keeps its engines; none where each load makes them anew.
    engines: Option<PathBuf>,
    /// Whether nets are made to take several pictures at once.
    batches: bool,
    /// Whether nets are made to do less for the same result.
    slims: bool,
    meter: Meter,
    /// Where optimised nets are kept; none where each load optimises them anew.
    graphs: Option<Graphs>,
}

impl Loader {
    /// Loads nets from `models_dir` onto the CPU.
    pub fn cpu(runtime: &Runtime, models_dir: &Path) -> Self {
        let (runtime, models_dir) = (runtime.clone(), models_dir.to_owned());
        let meter = Meter::default();
        Self {
            runtime,
            models_dir,
            gpu: None,
            engines: None,
            batches: false,
            slims: false,
            meter,
            graphs: None,
        }
    }

    /// Loads nets from `models_dir` onto CUDA device `index`.
    ///
    /// # Errors
    /// [`InferenceError::Device`] that names what is missing.
    pub fn cuda(runtime: &Runtime, models_dir: &Path, index: u32) -> Result<Self, InferenceError> {
        Self { gpu: Some(Gpu::Cuda(index)), batches: true, ..Self::cpu(runtime, models_dir) }.tried()
    }

    /// Loads nets from `models_dir` by TensorRT. Its engines, which take minutes to make, are kept in `engines`.
    ///
    /// # Errors
    /// As [`cuda`](Self::cuda).
    pub fn tensorrt(
        runtime: &Runtime,
        models_dir: &Path,
        choice: TensorRt,
        engines: Option<&Path>,
    ) -> Result<Self, InferenceError> {
        // What is missing is said before a folder is made for it.
        let cpu = Self::cpu(runtime, models_dir);
        let loader = Self { gpu: Some(Gpu::TensorRt(choice)), batches: true, ..cpu }.tried()?;
        let engines = engines.filter(|folder| match graphs::make_folder(folder) {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(
                    "TensorRT's engines cannot be kept in {}: {error}; they are made anew at each start, which \
                     takes minutes; make it a folder that this user alone owns and may write",
                    folder.display()
                );
                false
            }
        });
        Ok(Self { engines: engines.map(Path::to_owned), ..loader })
    }

    /// The same, where the runtime has the providers.
    fn tried(self) -> Result<Self, InferenceError> {
        self.builder(None).map(|_| self)
    }

    /// Makes nets take several pictures at once, where they can: on a GPU always, as there it pays.
    #[must_use]
    pub fn with_batches(mut self, batches: bool) -> Self {
        self.batches |= batches;
        self
    }

    /// Makes nets do less for the same result, where they can: on the CPU alone, one picture at a time.
    #[must_use]
    pub fn with_slim_nets(self, slims: bool) -> Self {
        Self { slims, ..self }
    }

    /// Keeps what the runtime optimises nets to in `folder`, and loads that where it is there. On the CPU alone:
    /// other providers compile what they run.
    #[must_use]
    pub fn with_graphs(self, folder: PathBuf) -> Self {
        let graphs = Some(Graphs::new(folder, &self.runtime));
        Self { graphs, ..self }
    }

    /// What the nets that it loads spend inside the runtime.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// What the nets will run on.
    pub fn provider(&self) -> Provider {
        self.gpu.map_or(Provider::Cpu, Gpu::provider)
    }

    /// Loads one net: checks that the file is there with the card's size and SHA-256, makes a
    /// session of those very bytes, and checks that its inputs and outputs are the card's.
    ///
    /// # Errors
    /// [`InferenceError::Missing`], [`InferenceError::Mismatch`], [`InferenceError::Device`] or
    /// [`InferenceError::Runtime`], each with the file.
    pub fn net(&self, file: &NetFile) -> Result<Net, InferenceError> {
        let path = self.models_dir.join(&file.name);
        let bytes = verified_bytes(&path, file)?;
        self.checked(&path, file, &bytes)
    }

    /// The same, for a net whose input is one picture and whose only output is a row of values: where this
    /// loader makes batches, it takes up to [`MOST_AT_ONCE`]; where it makes nets slim, it is slim.
    ///
    /// # Errors
    /// As [`net`](Self::net).
    pub fn net_of_rows(&self, file: &NetFile) -> Result<Net, InferenceError> {
        let path = self.models_dir.join(&file.name);
        let bytes = verified_bytes(&path, file)?;
        let mut open = file.clone();
        let (Some([1, columns]), true) =
            (open.outputs.first().map(|output| output.shape.as_slice()), self.batches)
        else {
            return match self.slim_net(&path, file, &bytes) {
                Some(net) => Ok(net),
                None => self.checked(&path, file, &bytes),
            };
        };
        let columns = usize::try_from(*columns).unwrap_or(0);
        open.inputs[0].shape[0] = -1;
        open.outputs[0].shape[0] = -1;
        let tried = batch::with_any_batch(&bytes, columns).map(|bytes| {
            // Never a kept graph: those are named after the file as it is.
            let session = self.session(&path, &open, &bytes, Graph::Own)?;
            let mut net = Net::new(session, path.clone(), open.clone(), self);
            let is_sound = net.takes_rows_apart(columns)?;
            Ok::<_, InferenceError>(is_sound.then_some(net))
        });
        match tried {
            Some(Ok(Some(net))) => return Ok(net),
            Some(Err(error)) => {
                tracing::warn!(%error, "a net takes one picture at a time: batches of it fail")
            }
            _ => tracing::warn!(path = %path.display(), "a net takes one picture at a time"),
        }
        self.checked(&path, file, &bytes)
    }

    /// A net of bytes that were checked, from its kept graph where there is one.
    fn checked(&self, path: &Path, file: &NetFile, bytes: &[u8]) -> Result<Net, InferenceError> {
        let make = |bytes: &[u8], graph: Graph<'_>| self.session(path, file, bytes, graph);
        let session = match &self.graphs {
            Some(graphs) if self.gpu.is_none() => {
                graphs.load(file, bytes, make, |trouble| tracing::warn!("{trouble}"))?
            }
            _ => make(bytes, Graph::Own)?,
        };
        Ok(Net::new(session, path.to_owned(), file.clone(), self))
    }

    /// A session of `bytes` whose inputs and outputs are the card's.
    fn session(
        &self,
        path: &Path,
        file: &NetFile,
        bytes: &[u8],
        graph: Graph<'_>,
    ) -> Result<Session, InferenceError> {
        let mut builder = self.builder(Some(file))?;
        let open = file.inputs[0].shape.iter().skip(1).any(|d| *d == -1);
        if open {
            // A pattern is kept for every shape that ever came: pictures come in any.
            builder = builder
                .with_memory_pattern(false)
                .map_err(|error| self.step_error("set up", path, &error))?;
        }
        let mut builder =
            optimising(builder, graph).map_err(|error| self.step_error("set up", path, &error))?;
        let session =
            builder.commit_from_memory(bytes).map_err(|error| self.step_error("load", path, &error))?;
        compare(path, file, "input", &file.inputs, session.inputs())?;
        compare(path, file, "output", &file.outputs, session.outputs())?;
        Ok(session)
    }

    /// One thread for each session, without spinning: on two cores that is as fast as two threads
    /// while anything else runs, leaves the other core to the camera, the screen and the liveness net
    /// ([`PadStage`](super::pad::PadStage)), and costs nothing while no face is in view. The others of one
    /// picture run one after the other.
    fn builder(&self, file: Option<&NetFile>) -> Result<SessionBuilder, InferenceError> {
        let plain = Session::builder(self.runtime.environment())
            .and_then(|builder| Ok(builder.with_intra_threads(THREADS)?.with_inter_threads(1)?))
            .and_then(|builder| Ok(builder.with_intra_op_spinning(false)?.with_inter_op_spinning(false)?))
            .map_err(|error| InferenceError::Runtime {
                step: "set up a session".to_owned(),
                detail: error.message().to_owned(),
            })?;
        let Some(gpu) = self.gpu else { return Ok(plain) };
        plain
            .with_execution_providers(gpu.providers(self.engines.as_deref(), file))
            .map_err(|error| gpu.error(error.message()))
    }

    /// A session that cannot be made on a GPU is the device's fault until the CPU says otherwise.
    fn step_error<R>(&self, verb: &str, path: &Path, error: &ort::Error<R>) -> InferenceError {
        match self.gpu {
            Some(gpu) => gpu.error(error.message()),
            None => InferenceError::Runtime {
                step: format!("{verb} {}", path.display()),
                detail: error.message().to_owned(),
            },
        }
    }
}

/// How far a net is optimised, and whether that is written.
fn optimising(builder: SessionBuilder, graph: Graph<'_>) -> ort::Result<SessionBuilder> {
    match graph {
        Graph::Own => Ok(builder),
        // It would warn that what it writes is for this machine alone, which is what the key is for.
        Graph::WrittenTo(path) => {
            Ok(builder.with_optimized_model_path(path)?.with_log_level(LogLevel::Error)?)
        }
        Graph::Kept => Ok(builder.with_optimization_level(GraphOptimizationLevel::Disable)?),
    }
}

/// The file's bytes, once their number and digest are the card's. What was checked is what is
/// loaded: the file is read once.
pub fn verified_bytes(path: &Path, file: &NetFile) -> Result<Vec<u8>, InferenceError> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => InferenceError::Missing {
            path: path.to_owned(),
            hint: match file.origin {
                Some(_) => "run `muster setup` to fetch it".to_owned(),
                None => {
                    "it is in no package registry: bring it, and run `muster models add CARD FILE`".to_owned()
                }
            },
        },
        _ => InferenceError::Unreadable { path: path.to_owned(), source: error },
    };
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    let size = opened.metadata().map_err(unreadable)?.len();
    if size != file.size_bytes {
        let expected = format!("{} bytes were expected", file.size_bytes);
        return Err(mismatch(path, file, expected, format!("it has {size}")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    opened.take(size).read_to_end(&mut bytes).map_err(unreadable)?;
    let found = Sha256Digest(Sha256::digest(&bytes).into());
    if found != file.sha256 {
        let expected = format!("SHA-256 {} was expected", file.sha256);
        return Err(mismatch(path, file, expected, format!("it has {found}")));
    }
    Ok(bytes)
}

fn mismatch(path: &Path, file: &NetFile, expected: String, found: String) -> InferenceError {
    InferenceError::Mismatch { path: path.to_owned(), expected, found, hint: hint(file).to_owned() }
}

/// Whether the runtime reports exactly the card's tensors, all of 32-bit floats, in any order.
fn compare(
    path: &Path,
    file: &NetFile,
    kind: &str,
    expected: &[Tensor],
    found: &[Outlet],
) -> Result<(), InferenceError> {
    let same = expected.len() == found.len()
        && expected.iter().all(|tensor| {
            found.iter().any(|outlet| {
                outlet.name() == tensor.name
                    && outlet.dtype().tensor_type() == Some(TensorElementType::Float32)
                    && outlet.dtype().tensor_shape().is_some_and(|shape| **shape == *tensor.shape)
            })
        });
    if same {
        return Ok(());
    }
    let expected: Vec<String> = expected.iter().map(|t| format!("{} f32{:?}", t.name, t.shape)).collect();
    let found: Vec<String> =
        found.iter().map(|outlet| format!("{} {}", outlet.name(), outlet.dtype())).collect();
    Err(mismatch(
        path,
        file,
        format!("{kind}s {} were expected", expected.join(", ")),
        format!("it has {}", found.join(", ")),
    ))
}

/// At most so many shapes of one net are kept bound.
const MOST_BOUND: usize = 4;

/// Pictures that a net takes at once at most. Batches have 1, 2, 4 or this many, so that each is bound once.
pub const MOST_AT_ONCE: usize = 8;

/// A net that is loaded, with its tensors, which are kept from run to run.
#[derive(Debug)]
pub struct Net {
    session: Session,
    path: PathBuf,
    file: NetFile,
    host: Host,
    meter: Meter,
    /// Of fixed sizes; the one in use is the last.
    bound: Vec<Bound>,
    /// Whether the last input was too open to be bound.
    is_loose: bool,
    /// The input where nothing is bound.
    loose: Vec<f32>,
    shape: [usize; 4],
    runs: u64,
}

impl Net {
    fn new(session: Session, path: PathBuf, file: NetFile, loader: &Loader) -> Self {
        Self {
            session,
            path,
            file,
            host: loader.gpu.map_or(Host::Shared, |gpu| Host::Pinned(gpu.index())),
            meter: loader.meter.clone(),
            bound: Vec::new(),
            is_loose: true,
            loose: Vec::new(),
            shape: [0; 4],
            runs: 0,
        }
    }

    /// The card's name of the file.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// How often it has run.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Whether it takes several pictures at once.
    pub fn takes_batches(&self) -> bool {
        self.file.inputs[0].shape.first() == Some(&-1)
    }

    /// Where the values of `count` pictures go, at most [`MOST_AT_ONCE`], each of `shape`, one after the other. There
    /// may be room for more; what stands there is not looked at.
    ///
    /// # Errors
    /// As [`input`](Self::input).
    pub fn input_of(&mut self, count: usize, shape: [usize; 4]) -> Result<&mut [f32], InferenceError> {
        let [_, a, b, c] = shape;
        self.input([count.clamp(1, MOST_AT_ONCE).next_power_of_two(), a, b, c])
    }

    /// Pictures in the input, with those that only fill it up.
    pub fn batch(&self) -> usize {
        self.shape[0]
    }

    /// Whether several pictures at once come out as each by itself, tried on patterns.
    fn takes_rows_apart(&mut self, columns: usize) -> Result<bool, InferenceError> {
        let side = |place: usize| self.file.inputs[0].shape[place].unsigned_abs() as usize;
        let one = [1, side(1), side(2), side(3)];
        let length: usize = one.iter().product();
        let pattern = |row: usize, at: usize| ((at * (row + 3) + row * 7) % 17) as f32 / 8.5 - 1.0;
        let mut alone = Vec::new();
        for row in 0..2 {
            self.input(one)?.iter_mut().enumerate().for_each(|(at, value)| *value = pattern(row, at));
            let values = self.run(|outputs| Ok(outputs.values(0, columns)?.to_vec()))?;
            alone.extend(values);
        }
        let input = self.input_of(2, one)?;
        input.iter_mut().enumerate().for_each(|(at, value)| *value = pattern(at / length, at % length));
        let together = self.run(|outputs| Ok(outputs.values(0, columns * 2)?.to_vec()))?;
        let largest = alone.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        Ok(alone.iter().zip(&together).all(|(alone, together)| (alone - together).abs() <= largest * 1e-3))
    }

    /// Where the input's values go, for a tensor of `shape`. All of them are to be written before a run.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the runtime has no memory of that shape.
    pub fn input(&mut self, shape: [usize; 4]) -> Result<&mut [f32], InferenceError> {
        self.shape = shape;
        self.is_loose = !self.bind(shape).map_err(|error| self.failed(error.message()))?;
        if self.is_loose {
            self.loose.resize(shape.iter().product(), 0.0);
            return Ok(&mut self.loose);
        }
        let Some(bound) = self.bound.last_mut() else { return Ok(&mut self.loose) };
        Ok(bound.input())
    }

    /// Puts the tensors of `shape` last; whether there are any.
    fn bind(&mut self, shape: [usize; 4]) -> ort::Result<bool> {
        if self.bound.last().is_some_and(|bound| bound.shape == shape) {
            return Ok(true);
        }
        if let Some(place) = self.bound.iter().position(|bound| bound.shape == shape) {
            let last = self.bound.len() - 1;
            self.bound.swap(place, last);
            return Ok(true);
        }
        // Pictures that come in any size would be bound anew for each: what has no fixed size is not bound.
        let open = self.file.inputs[0].shape.iter().skip(1).any(|side| *side == -1);
        if open || self.bound.len() == MOST_BOUND {
            return Ok(false);
        }
        let bound = Bound::new(&self.session, &self.file, shape, self.host)?;
        Ok(bound.map(|bound| self.bound.push(bound)).is_some())
    }

    fn failed(&self, detail: &str) -> InferenceError {
        InferenceError::Runtime { step: format!("run {}", self.path.display()), detail: detail.to_owned() }
    }

    /// Runs the net on its input, and hands the outputs to `read`.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the runtime fails, or where `read` says that an output cannot be.
    pub fn run<R>(
        &mut self,
        read: impl FnOnce(&Outputs<'_>) -> Result<R, String>,
    ) -> Result<R, InferenceError> {
        self.runs += 1;
        let Self { session, path, file, meter, bound, is_loose, loose, shape, .. } = self;
        let failed =
            |detail: String| InferenceError::Runtime { step: format!("run {}", path.display()), detail };
        let refused = |error: ort::Error| failed(error.message().to_owned());
        let read_all = |values| read(&Outputs { values, tensors: &file.outputs });
        match bound.last_mut().filter(|_| !*is_loose) {
            Some(bound) => {
                meter.time(|| denormals::flushed(|| bound.run(session))).map_err(refused)?;
                read_all(Values::Bound(bound)).map_err(failed)
            }
            None => {
                let tensor = TensorRef::from_array_view((*shape, loose.as_slice())).map_err(refused)?;
                let run = || denormals::flushed(|| session.run(ort::inputs![tensor]));
                let values = meter.time(run).map_err(refused)?;
                read_all(Values::Made(values)).map_err(failed)
            }
        }
    }

    /// Runs the net `times` times more on the input it has: what it costs by itself.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn repeat(&mut self, times: u32) -> Result<Vec<Duration>, InferenceError> {
        let mut took = Vec::with_capacity(times as usize);
        for _ in 0..times {
            let start = Instant::now();
            self.run(|_| Ok(()))?;
            took.push(start.elapsed());
        }
        Ok(took)
    }
}
