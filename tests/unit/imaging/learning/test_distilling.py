"""A student learns to say what its teacher says of the same picture."""

import numpy as np
import pytest
import torch

from suwen.core.errors import BadInput
from suwen.imaging.learning import members
from suwen.imaging.learning.distilling import Teacher, taught_loss, teacher_of

LABELS = torch.nn.functional.cross_entropy


class Student(torch.nn.Module):
    """Two logits from the mean of the picture."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head = torch.nn.Linear(1, 2)

    def forward(self, x):
        return self.head(x.mean((1, 2, 3))[:, None]), x


def batch_of(values, label=0):
    return [(np.full((1, 6, 6), value, np.float32), label) for value in values]


def certain(shown):
    """A teacher that is sure of class 1 in bright pictures and of class 0 in dark ones."""
    bright = shown.mean((1, 2, 3)) > 0.5
    return np.where(bright[:, None], [[-4.0, 4.0]], [[4.0, -4.0]]).astype(np.float32)


def test_a_student_comes_to_answer_as_its_teacher_whatever_the_labels_say():
    student, loss = Student(), taught_loss(LABELS, Teacher(certain, 4))
    optimiser = torch.optim.Adam(student.parameters(), 0.2)
    batch = batch_of([0.1, 0.9, 0.2, 0.8])  # the label says 0 for all
    for _ in range(150):
        optimiser.zero_grad()
        loss(student, batch).backward()
        optimiser.step()
    shown = torch.from_numpy(np.stack([one[0] for one in batch]))
    assert student(shown)[0].argmax(1).tolist() == [0, 1, 0, 1]


def test_the_teacher_sees_the_picture_at_its_own_size():
    seen = []
    teacher = Teacher(lambda shown: (seen.append(shown.shape), certain(shown))[1], 9)
    teacher.says(np.zeros((2, 1, 6, 6), np.float32))
    assert seen == [(2, 1, 9, 9)]


def test_checks_count_their_labels_alone():
    student = Student()
    batch = batch_of([0.1, 0.9])
    with torch.no_grad():
        checked = float(taught_loss(LABELS, Teacher(certain, 6))(student, batch))
        shown = torch.from_numpy(np.stack([one[0] for one in batch]))
        assert checked == pytest.approx(float(LABELS(student(shown)[0], torch.tensor([0, 0]))))


def test_a_teacher_of_other_folds_saw_what_the_student_is_measured_on(monkeypatch):
    class Pack:
        members = 5

    monkeypatch.setattr(members.packs, "current", lambda task: Pack())
    with pytest.raises(BadInput, match="a teacher of 5 folds"):
        teacher_of("imaging.breast_ultrasound", "member-0", 3)
