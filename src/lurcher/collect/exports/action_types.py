"""ActionTypes of Defender that rows of one table alone have: they tell the table of an export whose columns are those of several.

Source: the schema reference of advanced hunting, Microsoft Defender XDR; what is not listed here tells nothing.
"""

from __future__ import annotations

from functools import cache

_OF: dict[str, str] = {
    "DeviceProcessEvents": "ProcessCreated",
    "DeviceImageLoadEvents": "ImageLoaded",
    "DeviceLogonEvents": "LogonSuccess LogonFailed LogonAttempted",
    "DeviceFileEvents": "FileCreated FileDeleted FileModified FileRenamed",
    "DeviceRegistryEvents": (
        "RegistryKeyCreated RegistryKeyDeleted RegistryKeyRenamed RegistryValueSet RegistryValueDeleted"
    ),
    "DeviceNetworkEvents": (
        "ConnectionSuccess ConnectionFailed ConnectionAttempt ConnectionFound ConnectionRequest ConnectionAcknowledged "
        "InboundConnectionAccepted InboundConnectionAttempt ListeningConnectionCreated NetworkSignatureInspected "
        "DnsConnectionInspected HttpConnectionInspected SslConnectionInspected IcmpConnectionInspected "
        "SmtpConnectionInspected SshConnectionInspected FtpConnectionInspected NtlmAuthenticationInspected"
    ),
    "DeviceEvents": (
        "OpenProcessApiCall CreateRemoteThreadApiCall NamedPipeEvent DnsQueryResponse DriverLoad ServiceInstalled "
        "ScheduledTaskCreated ScheduledTaskUpdated ScheduledTaskDeleted ScheduledTaskEnabled ScheduledTaskDisabled "
        "PowerShellCommand ProcessPrimaryTokenModified ProcessCreatedUsingWmiQuery UserAccountCreated UserAccountDeleted "
        "UserAccountModified UserAccountAddedToLocalGroup UserAccountRemovedFromLocalGroup SecurityLogCleared "
        "WmiBindEventFilterToConsumer GetClipboardData ScreenshotTaken NtAllocateVirtualMemoryApiCall "
        "NtAllocateVirtualMemoryRemoteApiCall NtProtectVirtualMemoryApiCall NtMapViewOfSectionRemoteApiCall "
        "MemoryRemoteProtect QueueUserApcRemoteApiCall SetThreadContextRemoteApiCall ReadProcessMemoryApiCall "
        "WriteToLsassProcessMemory LdapSearch BrowserLaunchedToOpenUrl AntivirusDetection AntivirusReport AntivirusScanCompleted "
        "UsbDriveMounted UsbDriveUnmounted PnpDeviceConnected AccountCheckedForBlankPassword PasswordChangeAttempt "
        "NetworkShareObjectAccessChecked FirewallOutboundConnectionBlocked FirewallInboundConnectionBlocked "
        "SmartScreenUrlWarning SmartScreenAppWarning SmartScreenUserOverride ExploitGuardNetworkProtectionBlocked "
        "AppControlCodeIntegrityImageRevoked ShellLinkCreateFileEvent FileTimestampModificationEvent RemovableStorageFileEvent "
        "RemoteWmiOperation RemoteDesktopConnection DpapiAccessed TamperingAttempt AuditPolicyModification"
    ),
}


@cache
def table_of_action() -> dict[str, str]:
    """ActionType -> table."""
    return {action: table for table, actions in _OF.items() for action in actions.split()}
