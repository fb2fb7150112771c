//! Views whose type is forgotten, and what that costs in the browser.

use leptos::prelude::*;

/// Turns a view into an [`AnyView`]. To be used instead of [`IntoAny::into_any`].
pub(crate) trait Erase {
    fn erased(self) -> AnyView;
}

impl<V: RenderHtml + Send> Erase for V {
    fn erased(self) -> AnyView {
        #[cfg(feature = "ssr")]
        {
            self.into_any()
        }
        #[cfg(not(feature = "ssr"))]
        {
            at_once::AtOnce(self).into_any()
        }
    }
}

/// The children of a component, like [`Children`], erased by [`Erase`].
pub(crate) struct Inside(Box<dyn FnOnce() -> AnyView + Send>);

impl Inside {
    pub fn view(self) -> AnyView {
        (self.0)()
    }
}

impl<F, V> ToChildren<F> for Inside
where
    F: FnOnce() -> V + Send + 'static,
    V: RenderHtml + Send + 'static,
{
    fn to_children(children: F) -> Self {
        Self(Box::new(move || children().erased()))
    }
}

#[cfg(not(feature = "ssr"))]
mod at_once {
    use leptos::{
        prelude::*,
        tachys::{
            html::attribute::{Attribute, any_attribute::AnyAttribute},
            hydration::Cursor,
            ssr::StreamBuilder,
            view::{Position, PositionState},
        },
    };

    /// Hydrates always in one go. Leptos hydrates lazily loaded pages by a second, asynchronous way, which an [`AnyView`] of any
    /// view carries along: it was a sixth of the whole WebAssembly, and no page here is loaded lazily.
    pub struct AtOnce<V>(pub V);

    impl<V: Render> Render for AtOnce<V> {
        type State = V::State;

        fn build(self) -> Self::State {
            self.0.build()
        }

        fn rebuild(self, state: &mut Self::State) {
            self.0.rebuild(state);
        }
    }

    impl<V: AddAnyAttr> AddAnyAttr for AtOnce<V> {
        type Output<A: Attribute> = AtOnce<V::Output<A>>;

        fn add_any_attr<A: Attribute>(self, attribute: A) -> Self::Output<A>
        where
            Self::Output<A>: RenderHtml,
        {
            AtOnce(self.0.add_any_attr(attribute))
        }
    }

    impl<V: RenderHtml> RenderHtml for AtOnce<V> {
        type AsyncOutput = V::AsyncOutput;
        type Owned = AtOnce<V::Owned>;

        const MIN_LENGTH: usize = V::MIN_LENGTH;
        const EXISTS: bool = V::EXISTS;

        fn dry_resolve(&mut self) {
            self.0.dry_resolve();
        }

        async fn resolve(self) -> Self::AsyncOutput {
            self.0.resolve().await
        }

        fn html_len(&self) -> usize {
            self.0.html_len()
        }

        fn to_html_with_buf(
            self,
            buf: &mut String,
            position: &mut Position,
            escape: bool,
            mark_branches: bool,
            extra_attrs: Vec<AnyAttribute>,
        ) {
            self.0.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
        }

        fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
            self,
            buf: &mut StreamBuilder,
            position: &mut Position,
            escape: bool,
            mark_branches: bool,
            extra_attrs: Vec<AnyAttribute>,
        ) {
            self.0.to_html_async_with_buf::<OUT_OF_ORDER>(buf, position, escape, mark_branches, extra_attrs);
        }

        // `hydrate_async` is the trait's own, which calls this.
        fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
            self.0.hydrate::<FROM_SERVER>(cursor, position)
        }

        fn into_owned(self) -> Self::Owned {
            AtOnce(self.0.into_owned())
        }
    }
}
