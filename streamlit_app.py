"""The pages: `streamlit run streamlit_app.py`. One home page, and one page an application."""

import streamlit as st

from apps import home
from apps.lstm_lab import page as lab
from apps.sentiment import page as sentiment
from apps.translation import page as translation

st.set_page_config(page_title="Carrousel", layout="wide")
st.html("<style>.stMainBlockContainer { padding-top: 4.5rem; padding-bottom: 3rem; max-width: 82rem; }</style>")

TRANSLATION = st.Page(translation.page, title="Translation", url_path="translation")
SENTIMENT = st.Page(sentiment.page, title="Sentiment", url_path="sentiment")
LAB = st.Page(lab.page, title="LSTM lab", url_path="lstm-lab")
HOME = st.Page(lambda: home.page(translation=TRANSLATION, lab=LAB), title="Carrousel", url_path="home", default=True)

st.navigation([HOME, TRANSLATION, SENTIMENT, LAB], position="top").run()
