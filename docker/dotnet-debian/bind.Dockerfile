# The same image with BuildKit's bind mounts: harden and its configuration never enter a layer.
ARG BASE=mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim
ARG HARDEN=harden

FROM ${HARDEN} AS harden

FROM ${BASE}
COPY app /app
RUN --mount=type=bind,from=harden,source=/harden,target=/run/harden \
    --mount=type=bind,source=harden.toml,target=/run/harden.toml \
    ["/run/harden", "apply"]
ENV COMPlus_EnableDiagnostics=0 DOTNET_EnableDiagnostics=0
USER 1000:1000
EXPOSE 8080
ENTRYPOINT ["dotnet", "/app/MyApp.dll"]
