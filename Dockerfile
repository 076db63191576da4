FROM python:3.12-slim

RUN useradd --create-home --uid 1000 urban
WORKDIR /home/urban/app
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY src src
# What is installed is this folder, whose versions are those of its own file.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[app]'

USER 1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/health')"]
# Visitors have to know URBAN_SEGMENTOR_PASSWORD, where it is set.
CMD ["urban-segmentor", "app", "--host", "0.0.0.0", "--port", "7860"]
