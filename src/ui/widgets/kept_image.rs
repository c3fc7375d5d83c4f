//! A picture on the graphics card that is made again only when it shows something else.
//!
//! In: a key, and pixels for another one. Out: a texture. Thread: window.

use eframe::egui::{self, ColorImage, ImageData, TextureHandle, TextureId, TextureOptions};
use std::sync::Arc;

/// The picture of the last key.
pub(super) struct KeptImage<K> {
    texture: Option<TextureHandle>,
    /// The same pixels, for those who save them.
    image: Arc<ColorImage>,
    key: Option<K>,
}

impl<K> Default for KeptImage<K> {
    fn default() -> Self {
        Self {
            texture: None,
            image: Arc::default(),
            key: None,
        }
    }
}

impl<K: PartialEq> KeptImage<K> {
    /// The texture of this key; the same key means the same picture.
    pub(super) fn update(
        &mut self,
        ctx: &egui::Context,
        key: K,
        options: TextureOptions,
        image: impl FnOnce() -> ColorImage,
    ) -> Option<&TextureHandle> {
        if self.key.as_ref() != Some(&key) {
            self.image = Arc::new(image());
            let pixels = ImageData::Color(Arc::clone(&self.image));
            match &mut self.texture {
                Some(texture) => texture.set(pixels, options),
                None => self.texture = Some(ctx.load_texture("kept", pixels, options)),
            }
            self.key = Some(key);
        }
        self.texture.as_ref()
    }

    /// The pixels, if this is their texture.
    pub(super) fn texels(&self, texture: TextureId) -> Option<&ColorImage> {
        let own = self.texture.as_ref()?.id();
        (own == texture).then_some(&*self.image)
    }
}
