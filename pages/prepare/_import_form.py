"""Import your own texts: a file, its columns, its classes, its splits."""

import streamlit as st


def import_form() -> None:
    st.write("soon")
