; The Windows set-up: for one user, without an administrator. others.py calls makensis with VERSION, PAYLOAD (the folder
; of the built program), OUT and HERE. An upgrade replaces the program; settings and projects are elsewhere and stay.
Unicode true
Target amd64-unicode
!include "MUI2.nsh"
!include "FileFunc.nsh"
!define NAME "Plumbline"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Plumbline"
!define MARK "plumbline.exe"

Name "${NAME}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Plumbline"
InstallDirRegKey HKCU "Software\Plumbline" "InstallDir"
SetCompressor /SOLID lzma
BrandingText "${NAME} ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "${NAME}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "${NAME} set-up"
VIAddVersionKey "LegalCopyright" "Apache License 2.0"

!if /FileExists "${HERE}/icon/plumbline.ico"
  !define MUI_ICON "${HERE}/icon/plumbline.ico"
  !define MUI_UNICON "${HERE}/icon/plumbline.ico"
!endif
!define MUI_FINISHPAGE_RUN "$INSTDIR\plumbline.exe"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; A program that runs holds its file: say so instead of leaving half of an update.
!macro WAIT_UNTIL_CLOSED UN
Function ${UN}WaitUntilClosed
  retry:
    IfFileExists "$INSTDIR\${MARK}" 0 closed
    ClearErrors
    FileOpen $0 "$INSTDIR\${MARK}" a
    IfErrors 0 writable
    IfSilent 0 +3
      SetErrorLevel 2
      Quit
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Plumbline is running. Close it, then try again." IDRETRY retry
    Abort
  writable:
    FileClose $0
  closed:
FunctionEnd
!macroend
!insertmacro WAIT_UNTIL_CLOSED ""
!insertmacro WAIT_UNTIL_CLOSED "un."

Section "Plumbline"
  Call WaitUntilClosed
  ; Modules of the version before must not be found by this one. Only what a set-up wrote is taken away.
  IfFileExists "$INSTDIR\${MARK}" 0 +3
    RMDir /r "$INSTDIR\_internal"
    RMDir /r "$INSTDIR\licences"
  SetOutPath "$INSTDIR"
  File /r "${PAYLOAD}/*.*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Plumbline.lnk" "$INSTDIR\plumbline.exe"
  WriteRegStr HKCU "Software\Plumbline" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "${NAME}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\plumbline.exe"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "The Plumbline developers"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  IntFmt $0 "0x%08X" $0
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" "$0"
SectionEnd

Section "Uninstall"
  Call un.WaitUntilClosed
  Delete "$SMPROGRAMS\Plumbline.lnk"
  RMDir /r "$INSTDIR\_internal"
  RMDir /r "$INSTDIR\licences"
  Delete "$INSTDIR\plumbline.exe"
  Delete "$INSTDIR\plumbline-cli.exe"
  Delete "$INSTDIR\plumbline-worker.exe"
  Delete "$INSTDIR\uninstall.exe"
  ; Without /r: what a user put there stays, the folder “Plumbline data” of a portable one with it.
  RMDir "$INSTDIR"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  DeleteRegKey HKCU "Software\Plumbline"
  ; Projects, models and settings are the user's and are never touched. The runtime is ours and takes gigabytes: asked
  ; about, and kept where nobody can answer. The mark in each of its folders says that it is one.
  IfSilent done
  IfFileExists "$LOCALAPPDATA\Plumbline\runtimes\*.*" 0 done
  MessageBox MB_YESNO|MB_DEFBUTTON2 "Also delete the torch that Plumbline downloaded? Projects and settings stay." IDNO done
  RMDir /r "$LOCALAPPDATA\Plumbline\runtimes"
  Delete "$LOCALAPPDATA\Plumbline\runtime.json"
  done:
SectionEnd
