# On processors:
#   docker build --build-arg PIP_EXTRA_INDEX_URL=ADDRESS -t beyond-sharpening .
#   docker run -v "$PWD/data:/project/data" beyond-sharpening run --pipeline=train_task_reward
# ADDRESS is that of PyTorch's index of builds for processors; without it torch brings gigabytes for GPUs.
FROM python:3.11-slim
ARG PIP_EXTRA_INDEX_URL=""
WORKDIR /project
COPY requirements.lock .
RUN pip install --no-cache-dir -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
ENTRYPOINT ["kedro"]
CMD ["run"]
