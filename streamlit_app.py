"""The pages: `streamlit run streamlit_app.py`. One home page, and one page an application."""

import streamlit as st

from apps import home
from apps.image_captioning import page as image_captioning
from apps.lstm_lab import page as lab
from apps.pos_tagging import page as tagging
from apps.sentiment import page as sentiment
from apps.shared.replaced import forget_replaced_models
from apps.shared.warm import keep_warm
from apps.translation import page as translation
from apps.video_captioning import page as clips
from apps.word_vectors import page as word_vectors

st.set_page_config(page_title="Carrousel", layout="wide")
forget_replaced_models()
st.html("<style>.stMainBlockContainer { padding-top: 4.5rem; padding-bottom: 3rem; max-width: 82rem; }</style>")

TRANSLATION = st.Page(translation.page, title="Translation", url_path="translation")
SENTIMENT = st.Page(sentiment.page, title="Sentiment", url_path="sentiment")
TAGGING = st.Page(tagging.page, title="Tagging", url_path="pos-tagging")
WORDS = st.Page(word_vectors.page, title="Word vectors", url_path="word-vectors")
PHOTOS = st.Page(image_captioning.page, title="Photos", url_path="image-captioning")
CLIPS = st.Page(clips.page, title="Clips", url_path="video-captioning")
LAB = st.Page(lab.page, title="LSTM lab", url_path="lstm-lab")
OTHERS = {
    "image_captioning": PHOTOS,
    "video_captioning": CLIPS,
    "sentiment": SENTIMENT,
    "pos_tagging": TAGGING,
    "word_vectors": WORDS,
}
HOME = st.Page(
    lambda: home.page(translation=TRANSLATION, lab=LAB, others=OTHERS), title="Carrousel", url_path="home", default=True
)

try:
    st.navigation([HOME, TRANSLATION, PHOTOS, CLIPS, SENTIMENT, TAGGING, WORDS, LAB], position="top").run()
finally:  # now that Keras has been imported, if it ever is
    keep_warm()
