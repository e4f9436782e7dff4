//! Loading a net slim, where it can be: tried against the plain one before what it comes to is kept.

use std::borrow::Cow;
use std::path::Path;

use super::graphs::Graph;
use super::{GRAPH_OPTIONS, Loader, Meter, Net, slim};
use crate::inference::InferenceError;
use crate::inference::card::NetFile;

/// Why a net stays as it is.
#[derive(Debug)]
enum Plain {
    /// There is nothing to gain, or it is of another form than is understood.
    Form,
    /// Slim it would say something else.
    Differs,
    /// The runtime does not take it.
    Failed(InferenceError),
}

impl From<InferenceError> for Plain {
    fn from(error: InferenceError) -> Self {
        Self::Failed(error)
    }
}

impl Loader {
    /// The net slim: from its kept graph, which was tried when it was made, else of `bytes` and tried now. None
    /// where the plain one is to be used.
    pub(super) fn slim_net(&self, path: &Path, file: &NetFile, bytes: &[u8]) -> Option<Net> {
        if !self.slims || self.gpu.is_some() {
            return None;
        }
        let make = |bytes: &[u8], graph: Graph<'_>| self.session(path, file, bytes, graph);
        let own = || self.tried_slim(path, file, bytes).map(Cow::Owned);
        let session = match &self.graphs {
            Some(graphs) => {
                let options = format!("{GRAPH_OPTIONS}; {}", slim::OPTIONS);
                graphs.load_made(file, &options, own, make, |trouble| tracing::warn!("{trouble}"))
            }
            None => own().and_then(|own: Cow<'_, [u8]>| Ok(make(&own, Graph::Own)?)),
        };
        match session {
            Ok(session) => return Some(Net::new(session, path.to_owned(), file.clone(), self)),
            Err(Plain::Form) => {}
            Err(Plain::Differs) => {
                tracing::warn!(path = %path.display(), "a net is used as it is: slim it says something else");
            }
            Err(Plain::Failed(error)) => tracing::warn!(%error, "a net is used as it is: slim it fails"),
        }
        None
    }

    /// The slim net's file, once it is known to say what the plain one says.
    fn tried_slim(&self, path: &Path, file: &NetFile, bytes: &[u8]) -> Result<Vec<u8>, Plain> {
        let sizes = |shape: &[i64]| -> Option<Vec<usize>> {
            shape.iter().map(|side| usize::try_from(*side).ok().filter(|side| *side > 0)).collect()
        };
        let (input, output) = (sizes(&file.inputs[0].shape), sizes(&file.outputs[0].shape));
        let (Some(input), Some(output)) = (input, output) else { return Err(Plain::Form) };
        let Ok(shape) = <[usize; 4]>::try_from(input) else { return Err(Plain::Form) };
        let columns = output.iter().product();
        let slim = slim::slimmed(bytes).ok_or(Plain::Form)?;
        // What is tried is no frame's time.
        let aside = Self { meter: Meter::default(), ..self.clone() };
        let net = |bytes: &[u8]| {
            let session = aside.session(path, file, bytes, Graph::Own)?;
            Ok::<_, InferenceError>(Net::new(session, path.to_owned(), file.clone(), &aside))
        };
        let agrees = slim::agrees(&mut net(bytes)?, &mut net(&slim)?, shape, columns)?;
        if agrees { Ok(slim) } else { Err(Plain::Differs) }
    }
}
