//! The pipeline: detection, landmarks, alignment, liveness and embedding of one picture.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::card::{Card, LivenessBox};
use super::detector::{self, Detector};
use super::embedder::Embedder;
use super::landmarks::Landmarker;
use super::net::meter::{Inside, Meter};
use super::net::{Loader, Net};
use super::pack::Pack;
use super::pad::{PadNet, PadStage};
use super::quality::QualityMeter;
use super::runtime::{LibrarySearch, Runtime};
use super::{
    AnalyserFacts, CardError, DeviceChoice, FaceAnalyser, InferenceError, LivenessFacts, Probes, Provider,
    StageTimes, WantedFaces,
};
use crate::capture::RgbPicture;
use crate::face::{Detection, FivePoints, Liveness, Probe, Rect};
use crate::identify::{Rejection, Threshold};

/// What a pipeline is loaded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineOptions {
    /// The models folder: nets, and cards and packs where they are not the built-in ones.
    pub models_dir: PathBuf,
    /// The name of the pack.
    pub pack: String,
    /// The ONNX Runtime library that the command line names.
    pub library: Option<PathBuf>,
    /// What to run on.
    pub device: DeviceChoice,
    /// Whether the pack's liveness net runs; where not, it is not even loaded.
    pub liveness: bool,
    /// Whether faces go through the nets together on a CPU too, where it gains nothing; on a GPU they always
    /// do.
    pub batches: bool,
    /// Whether nets are made on a CPU to do less for the same result, where they can.
    pub slim: bool,
    /// Whether a CPU with a core for it looks at liveness while it embeds: the same result, earlier.
    pub beside: bool,
    /// Where optimised nets are kept from start to start; none to keep none.
    pub graphs: Option<PathBuf>,
}

impl PipelineOptions {
    /// Every net of `pack` as it is on the CPU, one after the other, with the runtime of the models folder;
    /// nothing is kept.
    pub fn plain(models_dir: PathBuf, pack: &str) -> Self {
        Self {
            models_dir,
            pack: pack.to_owned(),
            library: None,
            device: DeviceChoice::Cpu,
            liveness: true,
            batches: false,
            slim: false,
            beside: false,
            graphs: None,
        }
    }
}

/// The nets of a pack, loaded. One owner, on one thread.
pub struct Pipeline {
    facts: AnalyserFacts,
    fallback: Option<String>,
    runtime: Runtime,
    meter: Meter,
    stages: Stages,
}

/// The nets by what they do.
struct Stages {
    detector: Box<dyn Detector>,
    landmarker: Option<Landmarker>,
    embedder: Embedder,
    pad: Option<PadStage>,
    quality: QualityMeter,
    /// From the detector's box to the liveness net's; none where they are the same.
    liveness_box: Option<LivenessBox>,
}

impl Pipeline {
    /// Loads the runtime, if this process has none yet, and the pack's nets.
    ///
    /// # Errors
    /// [`InferenceError`] with the file, what was expected and what to do.
    pub fn load(options: &PipelineOptions) -> Result<Self, InferenceError> {
        // Cards first: their mistakes are the cheapest to find.
        let pack = Pack::read(&options.models_dir, &options.pack)?;
        let search = LibrarySearch::from_process(options.library.clone(), options.models_dir.clone());
        Self::load_pack(&pack, &Runtime::open(&search)?, options)
    }

    /// Loads the nets of a pack that was read already.
    ///
    /// On `auto`, every net is tried on CUDA, and if one fails all run on the CPU and
    /// [`fallback_reason`](Self::fallback_reason) says why.
    ///
    /// # Errors
    /// As [`load`](Self::load); on `cuda`, [`InferenceError::Device`] that names what is missing.
    pub fn load_pack(
        pack: &Pack,
        runtime: &Runtime,
        options: &PipelineOptions,
    ) -> Result<Self, InferenceError> {
        let on_cpu = || -> Result<_, InferenceError> {
            let loader = Loader::cpu(runtime, &options.models_dir);
            let mut loader = loader.with_batches(options.batches).with_slim_nets(options.slim);
            if let Some(folder) = &options.graphs {
                loader = loader.with_graphs(folder.clone());
            }
            let mut stages = Stages::open(pack, options.liveness, &loader)?;
            if options.beside && !options.batches && has_two_cores() {
                stages.look_beside(loader.meter())?;
            }
            Ok((stages, loader))
        };
        let tried = |loader: Loader| {
            let mut stages = Stages::open(pack, options.liveness, &loader)?;
            stages.try_out(loader.provider())?;
            Ok((stages, loader))
        };
        let on_cuda = |index| tried(Loader::cuda(runtime, &options.models_dir, index)?);
        let engines = options.graphs.as_ref().map(|folder| folder.join("tensorrt"));
        let on_tensorrt =
            |choice| tried(Loader::tensorrt(runtime, &options.models_dir, choice, engines.as_deref())?);
        let ((stages, loader), fallback) = match options.device {
            DeviceChoice::Cpu => (on_cpu()?, None),
            DeviceChoice::Cuda(index) => (on_cuda(index)?, None),
            DeviceChoice::TensorRt(choice) => (on_tensorrt(choice)?, None),
            DeviceChoice::Auto => match on_cuda(0) {
                Ok(loaded) => (loaded, None),
                Err(InferenceError::Device { detail, .. }) => {
                    tracing::info!("the nets run on the CPU, not on CUDA: {detail}");
                    (on_cpu()?, Some(detail))
                }
                Err(error) => return Err(error),
            },
        };
        let card = &pack.embedding;
        let matching = card.needs(card.matching.as_ref(), "matching")?;
        let facts = AnalyserFacts {
            pack: pack.name.clone(),
            model: card.id.clone(),
            provider: loader.provider(),
            space: card.needs(card.embedding_space(), "matching")?,
            dimension: stages.embedder.dimension(),
            metric: matching.metric,
            threshold: Threshold(matching.metric.similarity(matching.threshold)),
            impostors: matching.impostors.as_ref().map(super::card::Impostors::tail),
            liveness: stages.pad.as_ref().map(|pad| LivenessFacts { threshold: pad.threshold() }),
        };
        let meter = loader.meter().clone();
        Ok(Self { facts, fallback, runtime: runtime.clone(), meter, stages })
    }

    /// Why the nets run on the CPU, where `auto` tried CUDA first.
    pub fn fallback_reason(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// What the nets have spent inside the runtime.
    pub fn inside(&self) -> Inside {
        self.meter.inside()
    }

    /// Threads that the nets run on, each net on one.
    pub fn threads(&self) -> usize {
        if self.stages.pad.as_ref().is_some_and(PadStage::is_beside) { 2 } else { 1 }
    }

    /// Every net that runs on the thread which owns them, to be measured by itself.
    pub fn nets(&mut self) -> Vec<&mut Net> {
        let Stages { detector, landmarker, embedder, pad, .. } = &mut self.stages;
        let mut nets = detector.nets();
        nets.extend(landmarker.as_mut().map(Landmarker::net));
        nets.extend(pad.as_mut().and_then(PadStage::net).map(PadNet::net));
        nets.push(embedder.net());
        nets
    }

    /// The runtime that the nets run in.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

impl FaceAnalyser for Pipeline {
    fn facts(&self) -> &AnalyserFacts {
        &self.facts
    }

    fn detect(
        &mut self,
        picture: &RgbPicture,
        times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError> {
        self.stages.detect(picture, times)
    }

    fn look_again(
        &mut self,
        picture: &RgbPicture,
        region: &Rect,
        times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError> {
        let Some((part, corner)) = picture.part(region) else { return Ok(Vec::new()) };
        let mut found = self.stages.detect(&part, times)?;
        for detection in &mut found {
            *detection = detection.shifted(corner.x, corner.y);
        }
        Ok(found)
    }

    fn probe(
        &mut self,
        picture: &RgbPicture,
        detection: &Detection,
        times: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        self.stages.answered(|stages| {
            let mut probe = stages.probe(picture, detection, times)?;
            stages.answer(std::slice::from_mut(&mut probe), times)?;
            Ok(probe)
        })
    }

    fn takes_several(&self) -> bool {
        self.stages.embedder.takes_batches()
    }

    fn probe_all(
        &mut self,
        wanted: &[WantedFaces<'_>],
        times: &mut StageTimes,
    ) -> Result<Vec<Probes>, InferenceError> {
        let faces =
            wanted.iter().flat_map(|of_one| of_one.detections.iter().map(|face| (of_one.picture, face)));
        let faces: Vec<(&RgbPicture, &Detection)> = faces.collect();
        let together = faces.len() > 1 && self.takes_several();
        let mut probes = if together {
            self.stages.probe_together(&faces, times)?
        } else {
            self.stages.probe_each(&faces, times)?
        }
        .into_iter();
        // There is one for each of the faces, in their order.
        Ok(wanted.iter().map(|of_one| probes.by_ref().take(of_one.detections.len()).collect()).collect())
    }
}

/// Whether a thread more has a core of its own.
fn has_two_cores() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}

/// Adds the time since `start` to `total`.
fn add(total: &mut Duration, start: Instant) {
    *total += start.elapsed();
}

impl Stages {
    fn open(pack: &Pack, liveness: bool, loader: &Loader) -> Result<Self, InferenceError> {
        let pad = pack.liveness.as_ref().filter(|_| liveness);
        Ok(Self {
            detector: detector::open(pack, loader)?,
            landmarker: pack.landmarks.as_ref().map(|card| Landmarker::open(card, loader)).transpose()?,
            embedder: Embedder::open(&pack.embedding, loader)?,
            pad: pad.map(|card| PadNet::open(card, loader).map(PadStage::here)).transpose()?,
            quality: QualityMeter::default(),
            liveness_box: pack.detection.liveness_box.clone(),
        })
    }

    /// Gives the liveness net a thread of its own.
    fn look_beside(&mut self, meter: &Meter) -> Result<(), InferenceError> {
        self.pad = self.pad.take().map(|pad| pad.moved_beside(meter)).transpose()?;
        Ok(())
    }

    /// Runs every net once: a device may take a net and only fail when it runs.
    fn try_out(&mut self, provider: Provider) -> Result<(), InferenceError> {
        let side = 128;
        let grey = vec![128u8; side * side * 3];
        let Some(picture) = RgbPicture::new(side as u32, side as u32, grey) else { return Ok(()) };
        let bounds = crate::face::Rect::new(48.0, 48.0, 32.0, 32.0);
        self.detector
            .detect(&picture)
            .and_then(|_| self.landmarker.as_mut().map(|net| net.locate(&picture, &bounds)).transpose())
            .and_then(|_| {
                let pad = self.pad.as_mut().and_then(PadStage::net);
                pad.map(|net| net.measure(&picture, &bounds)).transpose()
            })
            .and_then(|_| {
                let corner = |x: f32, y: f32| crate::face::Point::new(48.0 + 32.0 * x, 48.0 + 32.0 * y);
                let points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)];
                let points = FivePoints::from_array(points.map(|(x, y)| corner(x, y)));
                self.embedder.align(&picture, &points)?;
                self.embedder.embed()
            })
            .map(|_| ())
            .map_err(|error| match error {
                InferenceError::Runtime { step, detail } => InferenceError::Device {
                    device: provider.to_string().to_lowercase(),
                    detail: format!("it could not {step}: {detail}"),
                },
                other => other,
            })
    }

    /// Every face, from the left.
    fn detect(
        &mut self,
        picture: &RgbPicture,
        times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError> {
        let start = Instant::now();
        let mut detections = self.detector.detect(picture)?;
        add(&mut times.detect, start);
        let place = |d: &Detection| (d.bounds.x, d.bounds.y);
        detections.sort_by(|a, b| {
            let ((ax, ay), (bx, by)) = (place(a), place(b));
            ax.total_cmp(&bx).then(ay.total_cmp(&by))
        });
        Ok(detections)
    }

    /// All faces, each with its picture, through each stage after detection, before the next stage.
    fn probe_together(
        &mut self,
        faces: &[(&RgbPicture, &Detection)],
        times: &mut StageTimes,
    ) -> Result<Probes, InferenceError> {
        let boxes: Vec<(&RgbPicture, Rect)> =
            faces.iter().map(|(picture, detection)| (*picture, detection.bounds)).collect();
        let start = Instant::now();
        let landmarks = self.landmarker.as_mut().map(|net| net.locate_all(&boxes)).transpose()?;
        add(&mut times.landmarks, start);
        // What cannot be aligned is no face to any of the nets after this.
        let mut found: Probes = vec![Err(Rejection::NotAlignable); faces.len()];
        let points = |place: usize| match &landmarks {
            Some(landmarks) => Some(landmarks[place].five_points()),
            None => faces[place].1.points,
        };
        let (places, points): (Vec<usize>, Vec<(&RgbPicture, FivePoints)>) =
            (0..faces.len()).filter_map(|place| Some((place, (faces[place].0, points(place)?)))).unzip();
        let start = Instant::now();
        let embeddings = self.embedder.embed_all(&points)?;
        add(&mut times.embed, start);
        let start = Instant::now();
        let mapped = |bounds: Rect| self.liveness_box.as_ref().map_or(bounds, |map| map.of(&bounds));
        let liveness = match self.pad.as_mut().and_then(PadStage::net) {
            Some(pad) => {
                let mapped = places.iter().map(|place| (boxes[*place].0, mapped(boxes[*place].1)));
                pad.measure_all(&mapped.collect::<Vec<_>>())?
            }
            None => vec![Liveness::NotRun; places.len()],
        };
        add(&mut times.liveness, start);
        let start = Instant::now();
        for (index, (place, embedding)) in places.iter().zip(embeddings).enumerate() {
            let Some(embedding) = embedding else { continue };
            let landmarks = landmarks.as_ref().map(|all| Box::new(all[*place].clone()));
            let ((picture, bounds), (_, points)) = (boxes[*place], points[index]);
            let quality = self.quality.measure(picture, &bounds, &points, landmarks.as_deref());
            let (detection_score, liveness) = (faces[*place].1.score, liveness[index]);
            found[*place] =
                Ok(Probe { bounds, detection_score, points, landmarks, quality, embedding, liveness });
        }
        add(&mut times.align, start);
        Ok(found)
    }

    /// Each face, with its picture, through all stages after detection before the next face. What the liveness
    /// net says is waited for at the end: where it runs beside, it looks at one face while others are embedded.
    fn probe_each(
        &mut self,
        faces: &[(&RgbPicture, &Detection)],
        times: &mut StageTimes,
    ) -> Result<Probes, InferenceError> {
        self.answered(|stages| {
            let mut probes = Vec::with_capacity(faces.len());
            for (picture, detection) in faces {
                probes.push(stages.probe(picture, detection, times)?);
            }
            stages.answer(&mut probes, times)?;
            Ok(probes)
        })
    }

    /// Does `work`; where it fails, nothing that it asked the liveness net is left to be answered.
    fn answered<R>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<R, InferenceError>,
    ) -> Result<R, InferenceError> {
        let done = work(self);
        if done.is_err()
            && let Some(pad) = &mut self.pad
        {
            pad.forget();
        }
        done
    }

    /// Puts what the liveness net was asked about these faces into their probes.
    fn answer(
        &mut self,
        probes: &mut [Result<Probe, Rejection>],
        times: &mut StageTimes,
    ) -> Result<(), InferenceError> {
        let start = Instant::now();
        if let Some(pad) = &mut self.pad {
            for probe in probes.iter_mut().filter_map(|probe| probe.as_mut().ok()) {
                probe.liveness = pad.answer()?;
            }
        }
        add(&mut times.liveness, start);
        Ok(())
    }

    /// One face through all stages after detection; the liveness net is asked and not waited for.
    fn probe(
        &mut self,
        picture: &RgbPicture,
        detection: &Detection,
        times: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        let bounds = detection.bounds;
        let start = Instant::now();
        let landmarks = match &mut self.landmarker {
            Some(landmarker) => Some(Box::new(landmarker.locate(picture, &bounds)?)),
            None => None,
        };
        let points = landmarks.as_ref().map(|all| all.five_points()).or(detection.points);
        add(&mut times.landmarks, start);
        let start = Instant::now();
        let aligned = match points {
            Some(points) if self.embedder.align(picture, &points)? => Some(points),
            _ => None,
        };
        let Some(points) = aligned else {
            add(&mut times.align, start);
            return Ok(Err(Rejection::NotAlignable));
        };
        let quality = self.quality.measure(picture, &bounds, &points, landmarks.as_deref());
        add(&mut times.align, start);
        let start = Instant::now();
        if let Some(pad) = &mut self.pad {
            let mapped = self.liveness_box.as_ref().map_or(bounds, |map| map.of(&bounds));
            pad.ask(picture, &mapped);
        }
        add(&mut times.liveness, start);
        let start = Instant::now();
        let embedding = self.embedder.embed()?;
        add(&mut times.embed, start);
        let Some(embedding) = embedding else {
            // In its place is the answer about the next face.
            self.pad.as_mut().map(PadStage::unask).transpose()?;
            return Ok(Err(Rejection::NotAlignable));
        };
        let (detection_score, liveness) = (detection.score, Liveness::NotRun);
        Ok(Ok(Probe { bounds, detection_score, points, landmarks, quality, embedding, liveness }))
    }
}

impl Card {
    /// A value that the card's checks have seen to.
    pub(super) fn needs<T>(&self, value: Option<T>, key: &str) -> Result<T, CardError> {
        value.ok_or_else(|| CardError::Value {
            path: PathBuf::from(format!("{}.toml", self.id)),
            key: key.to_owned(),
            expected: "is needed by this decoder".to_owned(),
        })
    }
}
