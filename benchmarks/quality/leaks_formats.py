"""The leak test: 2,000 identifiers planted in DICOM, FHIR, HL7 v2 and tables; target: 0 survive.

Beside them, text rendered into synthetic ultrasound pictures, read again after de-identification.
Nothing is read from disk: patients are invented, places are drawn with a fixed seed.
"""

from __future__ import annotations

import io
import random
import sys
import time

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from suwen.core.errors import SuwenError
from suwen.privacy import leaks
from suwen.privacy.dicom import burned_in
from suwen.privacy.dicom import files as dicom
from suwen.privacy.subjects.subject import Subject

EACH = 500
PICTURES = 10


def picture(seed: int) -> bytes:
    """Return a synthetic ultrasound with a name, number and date at a drawn place."""
    draw = np.random.default_rng(seed)
    size = (480, 640)
    pixels = draw.integers(0, 120, size, dtype=np.uint8)
    pixels[:60] = 0
    image = Image.fromarray(pixels)
    patient = leaks.Patient.drawn(random.Random(seed))
    name = patient.name if patient.name.isascii() else "Ouyang Xiaofeng"
    font = ImageFont.load_default(int(draw.integers(14, 26)))
    place = (int(draw.integers(5, 120)), int(draw.integers(4, 400 if seed % 2 else 30)))
    ImageDraw.Draw(image).text(place, f"{name} {patient.number}", font=font, fill=255)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    whole.SOPClassUID, whole.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.6.1", f"1.2.3.{seed + 1}"
    whole.Modality, whole.Rows, whole.Columns = "US", *size
    whole.SamplesPerPixel, whole.PhotometricInterpretation = 1, "MONOCHROME2"
    whole.BitsAllocated = whole.BitsStored = 8
    whole.HighBit, whole.PixelRepresentation = 7, 0
    whole.PixelData = np.asarray(image).tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, whole, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return buffer.getvalue()


def pictures() -> tuple[int, int]:
    """Return how many pictures still read as text, and how many were refused."""
    still = refused = 0
    for seed in range(PICTURES):
        try:
            done = dicom.deidentify(picture(seed), Subject(b"the key of the leak benchmark"))
        except SuwenError:
            refused += 1
            continue
        pixels = pydicom.dcmread(io.BytesIO(done.data)).pixel_array
        shown = np.ascontiguousarray(np.repeat(pixels[..., None], 3, -1))
        still += any(not burned_in.harmless(text) for _, text in burned_in.read(shown))
    return still, refused


def main() -> int:
    """Print the table."""
    began = time.perf_counter()
    tally = leaks.measure(EACH)
    for kind in leaks.FORMATS:
        print(f"{kind:<8}{tally.planted[kind]:>6} planted{tally.survived[kind]:>5} survived")
    print(f"all     {tally.planted.total():>6} planted{tally.survived.total():>5} survived")
    for where in tally.where[:20]:
        print(f"  survived: {where}")
    still, refused = pictures()
    print(f"pixels  {PICTURES:>6} pictures{still:>4} readable, {refused} refused")
    print(f"{time.perf_counter() - began:.0f} s")
    return int(bool(tally.survived.total() or still))


if __name__ == "__main__":
    sys.exit(main())
