"""Headers of recorders of pointers, and of tables that are something else."""

import time

import pytest

from img_repr.core.pointer_columns import find_pointer_columns, is_pointer_header, time_unit_in


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("timestamp,clientX,clientY", "timestamp,clientX,clientY"),
        ("t_ms,mouse_x,mouse_y", "t_ms,mouse_x,mouse_y"),
        ("Time [s],Mouse X [px],Mouse Y [px]", "Time [s],Mouse X [px],Mouse Y [px]"),
        ("time,x,y", "time,x,y"),
        ("time_stamp,x,y", "time_stamp,x,y"),
        ("record timestamp,client timestamp,button,state,x,y", "client timestamp,x,y"),  # Balabit
        ("mouse_2.x,mouse_2.y,mouse_2.time,date", "mouse_2.time,mouse_2.x,mouse_2.y"),  # PsychoPy
        ("timestamps_get_response,xpos_get_response,ypos_get_response", None),  # OpenSesame
        ("subject_nr,timestamps,xpos,ypos", "timestamps,xpos,ypos"),  # Mousetrap
        ("TrialID,Time,GazePosX,GazePosY,MousePosX,MousePosY", "Time,MousePosX,MousePosY"),  # OGAMA
        ("Timestamp,EventSource,MouseX,MouseY,Gaze X,Gaze Y", "Timestamp,MouseX,MouseY"),  # iMotions
        (
            "RecordingTimestamp,MouseEvent,MouseEventX (MCSpx),MouseEventY (MCSpx),GazePointX (MCSpx)",
            "RecordingTimestamp,MouseEventX (MCSpx),MouseEventY (MCSpx)",  # Tobii
        ),
        ("cursor,timestamp,xpos,ypos,event,xpath", "timestamp,xpos,ypos"),  # Attentive Cursor
        ("A_TickCount,MouseX,MouseY", "A_TickCount,MouseX,MouseY"),  # AutoHotkey
        ("lsl_timestamp,MouseX,MouseY", "lsl_timestamp,MouseX,MouseY"),
        ("timestamp,ABS_X,ABS_Y", "timestamp,ABS_X,ABS_Y"),  # evdev
        ("date,time,x,y,action", "time,x,y"),
        ("time,x,y,mouseX,mouseY", "time,mouseX,mouseY"),
        ("time,pageX,pageY,screenX,screenY", "time,screenX,screenY"),
        ("timestamp,mouseX,mouseY,accX,accY,accZ", "timestamp,mouseX,mouseY"),
        ("time,left,top", "time,left,top"),
    ],
)
def test_headers_of_recorders_name_a_pointer(header: str, expected: str | None):
    names = header.split(",")
    assert is_pointer_header(names)
    assert is_pointer_header([name.upper() for name in names])
    found = find_pointer_columns(names)
    assert [names[found[role]] for role in ("time", "x", "y")] == (expected or header).split(",")


def test_a_column_of_whole_recordings_names_a_pointer():
    assert is_pointer_header(["rt", "trial_index", "mouse_tracking_data"])  # jsPsych


@pytest.mark.parametrize(
    "header",
    [
        *("x,y", "mouse_x,mouse_y", "time,x", "time,value", "time,pageX,clientY"),
        *("time,x,y,z", "time,pos_x,pos_y,pos_z", "time,acc_x,acc_y", "time,x,y,accel", "time,roll,pitch,yaw,x,y"),
        *("time,gaze_x,gaze_y", "time,dx,dy", "time,vx,vy", "t,target_x,target_y", "time,x_1,y_1"),
        *("time,left,top,width,height", "time,left,right", "reaction_time,x,y", "duration,x,y", "count,x,y"),
        *("start_time,end_time,label", "date,open,high,low,close", "label,t0,t1,t2", "timestamp,latitude,longitude"),
    ],
)
def test_other_headers_do_not(header: str):
    assert not is_pointer_header(header.split(","))


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("Time [s]", "s"), ("TimeInSeconds", "s"), ("timems", "ms"), ("elapsed_milliseconds", "ms"), ("ms", "ms")),
        *(("Recording timestamp [μs]", "us"), ("time (\u00b5s)", "us"), ("t_ns", "ns")),
        *(("timestamps", None), ("ticks", None), ("ts", None), ("time", None), ("", None)),
    ],
)
def test_units_in_names(name: str, unit: str | None):
    assert time_unit_in(name) == unit


def test_a_name_of_any_length_takes_no_time():
    start = time.perf_counter()
    assert find_pointer_columns(["timestamp" * 500 + "q", "mousepixelsposition" * 300, "t" * 10_000]) == {}
    assert time.perf_counter() - start < 1.0
