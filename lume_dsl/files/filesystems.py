"""Which filesystem an identifier names; it must not know how one works."""

from __future__ import annotations

from lume_dsl.errors import ServiceError, did_you_mean
from lume_dsl.files.filesystem import Filesystem
from lume_dsl.files.folders import FolderFilesystem, LocalFilesystem, MountFilesystem
from lume_dsl.settings import LOCAL, MEMORY, FilesystemURL, Settings, current_settings, variable

__all__ = ["open_filesystem"]


def open_filesystem(identifier: str, settings: Settings | None = None) -> Filesystem:
    """Return the filesystem that ``settings`` (default: the current ones) know by ``identifier``.

    Raises:
        ServiceError: If there is none, naming those that there are.
    """
    settings = current_settings() if settings is None else settings
    if identifier == LOCAL:
        return LocalFilesystem(str(settings.directory))
    if identifier == MEMORY:
        return _remote(FilesystemURL(MEMORY, "memory://"))
    mount = settings.mounted_filesystem
    if mount is not None and identifier == mount.identifier:
        return MountFilesystem(mount)
    named = {place.identifier: place for place in settings.filesystems}
    if identifier in named:
        place = named[identifier]
        is_folder = place.url.startswith(("file:///", "local:///"))
        return FolderFilesystem(place) if is_folder else _remote(place)
    known = [LOCAL, MEMORY, *([] if mount is None else [mount.identifier]), *named]
    raise ServiceError(
        f"no filesystem {identifier!r}; known: {', '.join(known)}{did_you_mean(identifier, known)} "
        f"({variable('mounted_filesystem.identifier')} and {variable('mounted_filesystem.mount_path')} "
        f"define one, and so does {variable('filesystems.name')} with a URL)"
    )


def _remote(place: FilesystemURL) -> Filesystem:
    from lume_dsl.files.remote import RemoteFilesystem  # 6 ms, for those whose settings name one

    return RemoteFilesystem(place)
