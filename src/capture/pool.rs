//! Memory of pictures, used again when nobody holds the picture any more.

use std::sync::Arc;

use super::frame::RgbPicture;

/// Pictures whose memory is watched: one that is filled, one in the slot, one that the nets look at, the
/// last one that the engine keeps, and two for whoever is late.
const MOST_KEPT: usize = 6;

/// Gives memory for pictures, that of earlier ones where it is free. A source has one for itself.
#[derive(Debug, Default)]
pub struct PicturePool {
    kept: Vec<Arc<Vec<u8>>>,
}

impl PicturePool {
    /// `length` bytes that nobody else holds. What stands in them is left over from an earlier picture.
    pub fn take(&mut self, length: usize) -> Arc<Vec<u8>> {
        let free = self.kept.iter().position(|data| Arc::strong_count(data) == 1);
        let mut data = free.map(|place| self.kept.swap_remove(place)).unwrap_or_default();
        match Arc::get_mut(&mut data) {
            Some(bytes) => bytes.resize(length, 0),
            // Nobody has a weak reference, and the one strong reference is ours.
            None => data = Arc::new(vec![0; length]),
        }
        data
    }

    /// Watches memory that [`take`](Self::take) gave, and that somebody may hold from now on.
    pub fn keep(&mut self, data: &Arc<Vec<u8>>) {
        if self.kept.len() < MOST_KEPT {
            self.kept.push(Arc::clone(data));
        }
    }

    /// A picture of `width` by `height` pixels that `fill` writes, all three bytes of every pixel.
    ///
    /// `None` where a side is zero.
    ///
    /// # Errors
    /// What `fill` says.
    pub fn picture<E>(
        &mut self,
        width: u32,
        height: u32,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Option<RgbPicture>, E> {
        let mut data = self.take(width as usize * height as usize * 3);
        let filled = Arc::get_mut(&mut data).map_or(Ok(()), |bytes| fill(bytes));
        self.keep(&data);
        filled.map(|()| RgbPicture::new(width, height, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pool: &mut PicturePool, value: u8) -> RgbPicture {
        let filled = pool.picture::<()>(4, 2, |bytes| {
            bytes.fill(value);
            Ok(())
        });
        filled.unwrap().unwrap()
    }

    #[test]
    fn memory_is_used_again_and_never_while_somebody_looks_at_it() {
        let mut pool = PicturePool::default();
        let first = of(&mut pool, 1);
        let place = first.data().as_ptr();
        let second = of(&mut pool, 2);
        assert_ne!(second.data().as_ptr(), place);
        assert_eq!((first.data(), second.data()), (&[1; 24][..], &[2; 24][..]));
        let also_first = first.clone();
        drop(first);
        assert_ne!(of(&mut pool, 3).data().as_ptr(), place);
        assert_eq!(also_first.data(), [1; 24]);
        drop(also_first);
        let places: Vec<_> =
            (0..2).map(|_| of(&mut pool, 4)).map(|picture| picture.data().as_ptr()).collect();
        assert!(places.contains(&place));
    }

    #[test]
    fn what_is_kept_is_bounded_and_takes_every_size() {
        let mut pool = PicturePool::default();
        let held: Vec<RgbPicture> = (0..20).map(|value| of(&mut pool, value)).collect();
        assert!(held.iter().zip(0..).all(|(picture, value)| picture.data() == [value; 24]));
        assert_eq!(pool.kept.len(), MOST_KEPT);
        drop(held);
        let small = pool.picture::<()>(1, 1, |bytes| {
            assert_eq!(bytes.len(), 3);
            Ok(())
        });
        assert_eq!(small.unwrap().unwrap().data().len(), 3);
        assert!(pool.picture::<()>(0, 3, |_| Ok(())).unwrap().is_none());
        assert_eq!(pool.picture(2, 2, |_| Err("no")), Err("no"));
    }
}
